# Before a server stops. When all stop at once they do so one after another, so that the last one knows that it was the
# last: it starts first. Nothing tells whether all stop, so that one that stops alone takes up to 5 seconds for each
# server before it.
size() { mariadb --skip-column-names --execute="SHOW STATUS LIKE 'wsrep_cluster_size'" | cut -f 2; }

left=$(($(size) - POD_ORDINAL))
seconds=$((5 * POD_ORDINAL))
until [ $seconds = 0 ] || [ "$(size)" -le $left ]; do
    sleep 1
    seconds=$((seconds - 1))
done
