# Removes a member that is about to stop. If it leads, another takes over first, so that nobody waits for an election.
set -eu
listed=$(etcdctl member list)
mine=$(echo "$listed" | grep ", http://$2:2380," || true)
[ -n "$mine" ] || exit 0
other=$(echo "$listed" | grep -v ", http://$2:2380," | grep ', started,' | grep -m 1 'false$')
etcdctl --endpoints "http://$2:2379" --command-timeout=5s move-leader "${other%%,*}" 2>/dev/null || true
etcdctl member remove "${mine%%,*}"
