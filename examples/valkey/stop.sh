# Before a server stops: a primary takes no more writes, waits until its replicas have all, and has one take over. Where
# all servers stop there is none, so it does not wait for ever.
named() { valkey-cli -p 26379 sentinel get-master-addr-by-name main | head -n 1; }
is_ahead() {
    state=$(valkey-cli info replication | tr -d '\r')
    written=$(echo "$state" | grep ^master_repl_offset: | cut -d : -f 2)
    echo "$state" | grep ^slave[0-9] | grep -qv ",state=online,offset=$written,"
}
valkey-cli role | grep -q master || exit 0
valkey-cli client pause 10000 write
for attempt in $(seq 50); do is_ahead || break; sleep 0.1; done
valkey-cli -p 26379 sentinel failover main
for attempt in $(seq 80); do
    primary=$(named)
    if [ -n "$primary" ] && [ "$primary" != "$POD_ADDRESS" ]; then
        # Clients that still write here are told at once, and it starts again as a replica.
        printf '%s\n' "replicaof $primary 6379" "config rewrite" "client unpause" | valkey-cli
        break
    fi
    sleep 0.1
done
