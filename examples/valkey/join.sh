# Succeeds when the Sentinels know a new replica: join.sh ADDRESS. Every ten seconds they look for new ones at the primary:
# one that follows another server, since there was a failover meanwhile, would not be found. Runs on another server.
set -eu
primary=$(sh /scripts/primary.sh)
[ "$primary" != "$1" ] || exit 0
printf '%s\n' "replicaof $primary 6379" "config rewrite" | valkey-cli -h "$1"
valkey-cli -p 26379 sentinel replicas main | grep -F "$1"
