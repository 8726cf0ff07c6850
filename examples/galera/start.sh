# Starts a server: as the first one of a cluster where it has to be that, else as one that joins the others.
set -eu
trap exit TERM

data=/var/lib/mysql/data
state=$data/grastate.dat

someone_answers() {
    mariadb-admin --protocol=tcp --host="$SERVICE_ADDRESS" --connect-timeout=1 --silent ping 2> /tmp/none
}

set --
rm -f /tmp/position
if [ ! -e $state ]; then
    echo :0 > /tmp/position
    # form.sh has the first server make an empty database; any other copies it when it is there.
    until [ -e /var/lib/mysql/form ] || someone_answers; do sleep 1; done
    rm -rf $data
    mkdir $data
    if ! someone_answers; then
        mariadb-install-db --no-defaults --datadir=$data --auth-root-authentication-method=normal --skip-test-db
        set -- --wsrep-new-cluster
    fi
elif grep -q '^uuid: *00000000' $state; then
    # It was copying them, or has left the others after an error of its own: it copies all again.
    echo :0 > /tmp/position
else
    position=$(sed -n 's/^uuid: *//p' $state):$(sed -n 's/^seqno: *//p' $state)
    if [ "${position#*:}" = -1 ]; then
        # After a crash it is in the database itself.
        mariadbd --defaults-file=/scripts/galera.cnf --wsrep-cluster-address=gcomm:// --wsrep-recover 2>&1 |
            tee /tmp/recovered
        position=$(sed -n 's/.*WSREP: Recovered position: *//p' /tmp/recovered)
    fi
    echo "$position" > /tmp/position
    if [ -e /var/lib/mysql/recover ]; then
        sed -i 's/^safe_to_bootstrap: 0/safe_to_bootstrap: 1/' $state
        rm /var/lib/mysql/recover
    fi
    # The server that stopped last is the first one.
    if grep -q '^safe_to_bootstrap: 1' $state && ! someone_answers; then
        set -- --wsrep-new-cluster
    fi
    set -- --wsrep-start-position="${position:?is not known}" "$@"
fi

# Each server has the password of its own Pod.
cat > /tmp/init.sql << SQL
SET SESSION wsrep_on = OFF;
ALTER USER root@localhost IDENTIFIED BY '$MYSQL_PWD';
CREATE OR REPLACE USER root@'%' IDENTIFIED BY '$MYSQL_PWD';
GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;
SQL
peers=$(for peer in $FIRST_SERVERS; do printf '%s' "$peer.$SERVICE_ADDRESS,"; done)
mariadbd --defaults-file=/scripts/galera.cnf --max-connections="$MAX_CONNECTIONS" --init-file=/tmp/init.sql \
    --wsrep-cluster-address="gcomm://${peers%,}" --wsrep-node-name="$POD_NAME" --wsrep-node-address="$POD_IP" \
    --wsrep-sst-auth="root:$MYSQL_PWD" "$@" &
server=$!
# A server that waits for the others heeds no signal but KILL.
end() { if mariadb-admin --silent ping 2> /tmp/none; then kill $server; else kill -9 $server; fi; }
trap end TERM
# One that could not apply a transaction, such as with a full disk, has left the others until it starts again.
state() { mariadb --execute="SHOW STATUS LIKE 'wsrep_local_state_comment'" 2> /tmp/none; }
while sleep 5; do if state | grep -q Inconsistent; then end; fi; done &
wait $server || wait $server
