# Starts a server. The first time, ordinal 0 makes a cluster of the first servers as soon as they answer.
set -eu

answers() { redis-cli -h "$1" ping > /dev/null 2>&1; }

form() {
    until answers 127.0.0.1; do sleep 0.2; done
    redis-cli cluster info | grep -q 'cluster_known_nodes:1[^0-9]' || return 0
    addresses=
    for server in $FIRST_SERVERS; do
        until answers "$server.$SERVICE_ADDRESS"; do sleep 0.5; done
        addresses="$addresses $(getent hosts "$server.$SERVICE_ADDRESS" | cut -d ' ' -f 1):6379"
    done
    redis-cli --cluster create $addresses --cluster-yes
}

[ "$POD_ORDINAL" != 0 ] || form &
exec redis-server --dir /data --appendonly yes --appendfsync always --protected-mode no --maxclients "$MAX_CLIENTS" \
    --cluster-enabled yes --cluster-announce-ip "$POD_IP" --cluster-announce-hostname "$POD_ADDRESS" \
    --cluster-preferred-endpoint-type hostname --cluster-require-full-coverage no
