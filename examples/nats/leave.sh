# Takes a server out of the cluster, once the others have what it keeps of the streams.
set -eu
# Without a folder for its settings, nats looks for that of its user, whom the image need not know.
export XDG_CONFIG_HOME=/tmp
admin() { /tool/nats --server nats:4222 --user admin --password "$ADMIN_PASSWORD" --timeout 30s "$@"; }
group=$(admin request --raw --replies 1 '$SYS.REQ.SERVER.PING.JSZ' '{"leader_only": true}')
case $group in
    # Whoever leads the group cannot be removed.
    *'"leader":"'"$1"'"'*) admin server cluster step-down --force --host "$POD_NAME" ;;
    *'"name":"'"$1"'"'*) ;;
    *'"leader":'*) exit 0 ;;
    *) exit 1 ;;
esac
admin server cluster evacuate "$1" --force
admin server cluster peer-remove "$1" --force
