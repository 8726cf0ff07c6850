# Takes a server and its Sentinel out: leave.sh ADDRESS. Runs on another one.
set -eu
sentinel() { valkey-cli -h "$1" -p 26379 sentinel "$2" main; }
until [ "$(sh /scripts/primary.sh)" != "$1" ]; do sentinel "$1" failover; sleep 1; done
sentinel "$1" remove
valkey-cli -h "$1" replicaof 127.0.0.1 1
leaving=$(getent ahostsv4 "$1" | head -n 1 | cut -d ' ' -f 1)
# The others forget it: each in turn, since one that forgets finds its peers again within seconds, and is of no help before.
for other in $(getent ahostsv4 "$SERVICE_ADDRESS" | cut -d ' ' -f 1 | sort -u | grep -vxF "$leaving"); do
    sentinel "$other" reset
    until valkey-cli -h "$other" -p 26379 sentinel ckquorum main | grep ^OK; do sleep 1; done
done
