# Starts a member: with its data; without, in the cluster that it was added to; else as one of the first members.
set -eu

members() { etcdctl --dial-timeout=1s --command-timeout=3s member list 2>/dev/null; }

# etcd wants a folder of mode 0700, which the disk's own is not.
data=/var/lib/etcd/data
self=http://$POD_ADDRESS

if [ ! -d $data/member ]; then
    if listed=$(members) && echo "$listed" | grep -q "unstarted, , $self:2380,"; then
        state=existing
        cluster=$(echo "$listed" | awk -F ', ' -v me="$POD_NAME" \
            '{ printf "%s%s=%s", (NR > 1 ? "," : ""), ($3 == "" ? me : $3), $4 }')
    else
        state=new
        cluster=$(for member in $FIRST_MEMBERS; do
            printf '%s' "$member=http://$member.$SERVICE_ADDRESS:2380,"
        done)
    fi
    set -- --initial-cluster-state "$state" --initial-cluster "$cluster" --initial-cluster-token "$SERVICE_ADDRESS" \
        --initial-advertise-peer-urls "$self:2380"
fi
exec etcd --name "$POD_NAME" --data-dir $data --advertise-client-urls "$self:2379" --listen-peer-urls http://0.0.0.0:2380 \
    --listen-client-urls http://0.0.0.0:2379 --listen-metrics-urls http://0.0.0.0:2381 "$@"
