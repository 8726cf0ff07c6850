# Takes a server out of the cluster, once the others have what it keeps of the streams.
set -eu
# Without a folder for its settings, nats looks for that of its user, whom the image need not know.
export XDG_CONFIG_HOME=/tmp
admin() { /tool/nats --server nats:4222 --user admin --password "$ADMIN_PASSWORD" --timeout 30s server cluster "$@"; }
admin evacuate "$1" --force
admin peer-remove "$1" --force
