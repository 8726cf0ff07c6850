# Starts a server. Servers know each other by address: those that do not find each other, since all have other addresses
# now, are introduced again by their names.
introduce() {
    redis-cli cluster nodes | grep -v myself | grep 'fail\|disconnected' | cut -d , -f 2 | cut -d ' ' -f 1 |
        while read -r name; do redis-cli cluster meet "$(getent hosts "$name" | cut -d ' ' -f 1)" 6379; done
}

while sleep 2; do introduce > /dev/null 2>&1; done &
exec redis-server --dir /data --appendonly yes --appendfsync always --protected-mode no --maxclients "$MAX_CLIENTS" \
    --cluster-enabled yes --cluster-announce-ip "$POD_IP" --cluster-announce-hostname "$POD_ADDRESS" \
    --cluster-preferred-endpoint-type hostname --cluster-require-full-coverage no
