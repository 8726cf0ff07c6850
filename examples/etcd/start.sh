# Starts a member: with its data; without, in the cluster that it was added to; else as one of the first members.
set -eu

members() { etcdctl --dial-timeout=1s --command-timeout=3s member list 2>/dev/null; }

if [ ! -d "$ETCD_DATA_DIR/member" ]; then
    if listed=$(members) && echo "$listed" | grep -q "unstarted, , $ETCD_INITIAL_ADVERTISE_PEER_URLS,"; then
        ETCD_INITIAL_CLUSTER_STATE=existing
        ETCD_INITIAL_CLUSTER=$(echo "$listed" | awk -F ', ' -v me="$ETCD_NAME" \
            '{ printf "%s%s=%s", (NR > 1 ? "," : ""), ($3 == "" ? me : $3), $4 }')
    else
        ETCD_INITIAL_CLUSTER_STATE=new
        ETCD_INITIAL_CLUSTER=$(for member in $FIRST_MEMBERS; do
            printf '%s' "$member=http://$member.$SERVICE_ADDRESS:2380,"
        done)
    fi
    export ETCD_INITIAL_CLUSTER_STATE ETCD_INITIAL_CLUSTER
fi
exec etcd
