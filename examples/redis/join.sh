# Adds a server that has started, and moves its share of the keys to it. It fails while the servers do not agree yet.
set -eu
if ! redis-cli cluster nodes | grep -q ",$1 "; then
    redis-cli --cluster add-node "$(getent hosts "$1" | cut -d ' ' -f 1):6379" "$POD_IP:6379"
    sleep 2
fi
redis-cli --cluster fix "$POD_IP:6379" --cluster-yes
redis-cli --cluster rebalance "$POD_IP:6379" --cluster-use-empty-masters
