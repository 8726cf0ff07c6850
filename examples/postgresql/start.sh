# Starts a server: with its data; without, ordinal 0 makes a new database once, and the others copy that of ordinal 0.
set -eu
trap exit TERM

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    rm -rf "$PGDATA" "$PGDATA.new"
    if [ "$POD_ORDINAL" = 0 ]; then
        # form_cluster creates the file once. A primary that has lost its disk later waits for its data.
        echo "Waiting for data in $PGDATA, or for form_cluster to allow a new database"
        until [ -e "${PGDATA%/*}/form" ]; do
            [ ! -e "$PGDATA" ] || exec sh "$0"
            sleep 1
        done
        printf '%s' "$PGPASSWORD" > /tmp/password
        initdb --pgdata="$PGDATA.new" --username=postgres --pwfile=/tmp/password --auth=scram-sha-256 --locale=C.UTF-8
        rm /tmp/password
        printf 'host %s all all scram-sha-256\n' all replication >> "$PGDATA.new/pg_hba.conf"
    else
        # The slot keeps what a standby has not replayed while it is away. A new standby takes the place of an old one.
        primary="host=$FIRST_POD_ADDRESS user=postgres"
        slot="standby_$POD_ORDINAL"
        until psql "$primary dbname=postgres" --quiet --command="SELECT pg_drop_replication_slot(slot_name)
            FROM pg_replication_slots WHERE slot_name = '$slot'" > /dev/null; do sleep 1; done
        pg_basebackup --pgdata="$PGDATA.new" --dbname="$primary application_name=standby_$POD_ORDINAL" \
            --create-slot --slot="$slot" --write-recovery-conf --checkpoint=fast
    fi
    mv "$PGDATA.new" "$PGDATA"
fi

[ "$POD_ORDINAL" = 0 ] || SYNCHRONOUS_STANDBYS=
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp -c max_connections="$MAX_CONNECTIONS" \
    -c max_wal_senders=16 -c max_replication_slots=16 -c synchronous_standby_names="$SYNCHRONOUS_STANDBYS"
