# Moves the keys of a server to the others, and takes it out of the cluster.
set -eu
id=$(redis-cli cluster nodes | grep ",$1 " | cut -d ' ' -f 1)
[ -n "$id" ] || exit 0
redis-cli --cluster fix "$POD_IP:6379" --cluster-yes
redis-cli --cluster rebalance "$POD_IP:6379" --cluster-weight "$id=0"
redis-cli --cluster del-node "$POD_IP:6379" "$id"
