# Adds a member that is about to start, as a learner: it counts for no quorum until it has caught up.
set -eu
url="http://$2:2380"
etcdctl member list | grep -q ", $url," || etcdctl member add "$1" --learner --peer-urls "$url"
