# Starts a server or a Sentinel: start.sh server|sentinel. Each has its settings on the disk, where Sentinel also writes
# who is the primary. The first time it asks the Sentinels, and waits until one knows. So a server without data is never
# the primary, but for the very first one (form_cluster): nobody can copy an empty one.
set -eu
settings=/data/$1.conf
until [ -s "$settings" ]; do
    if [ -e /data/first ]; then primary=$POD_ADDRESS; else primary=$(sh /scripts/primary.sh) || primary=; fi
    case $1,$primary in
        *,) sleep 1 ;;
        sentinel,*) sed "s/PRIMARY/$primary/; s/SELF/$POD_ADDRESS/" /scripts/sentinel.conf > /data/new.conf ;;
        server,"$POD_ADDRESS") if [ -e /data/first ]; then echo "# primary" > "$settings"; else sleep 1; fi ;;
        server,*) echo "replicaof $primary 6379" > "$settings" ;;
    esac
    [ ! -e /data/new.conf ] || mv /data/new.conf "$settings"
done
if [ "$1" = sentinel ]; then exec valkey-server "$settings" --sentinel; fi
exec valkey-server "$settings" --dir /data --appendonly yes --appendfsync always --protected-mode no \
    --maxclients "$MAX_CLIENTS" --replica-announce-ip "$POD_ADDRESS" --min-replicas-to-write 1 --min-replicas-max-lag 5
