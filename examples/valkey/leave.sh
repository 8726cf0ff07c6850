# Takes a server and its Sentinel out: leave.sh ADDRESS. Runs on another one.
set -eu
ip() { getent ahostsv4 "$1" | cut -d ' ' -f 1 | sort -u; }
sentinel() { valkey-cli -h "$1" -p 26379 sentinel "$2" main; }
follow() { printf '%s\n' "replicaof $2 6379" "config rewrite" | valkey-cli -h "$1"; }
until primary=$(sh /scripts/primary.sh) && [ "$primary" != "$1" ]; do sentinel "$1" failover; sleep 1; done
sentinel "$1" remove
valkey-cli -h "$1" replicaof 127.0.0.1 1
others=$(ip "$SERVICE_ADDRESS" | grep -vxF "$(ip "$1")")
replicas=$(($(echo "$others" | wc -l) - 1))
# The others forget it, one after another: each finds its peers, and the replicas of the primary, within seconds. A replica
# that follows another server, since there was a failover, would not be found, and not by anybody if all forgot at once.
for other in $others; do [ "$other" = "$(ip "$primary")" ] || follow "$other" "$primary"; done
for other in $others; do
    sentinel "$other" reset
    until sentinel "$other" ckquorum | grep ^OK && [ "$(sentinel "$other" replicas | grep -c '^runid$')" -ge $replicas ]; do
        sleep 1
    done
done
