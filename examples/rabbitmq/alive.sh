# Fails where this server has lost what it knows of the cluster, or a replica of its own does not run, as after its disk
# was full. It has both again when it starts again, which needs space.
[ "$(df --output=avail /var/lib/rabbitmq | tail -n 1)" -gt 100000 ] || exit 0
case $(rabbitmqctl --silent list_vhosts 2>&1) in *no_exists*) exit 1 ;; esac
self=rabbit@$POD_ADDRESS
tab=$(printf '\t')
rabbitmqctl --silent list_queues members online | while IFS=$tab read -r members online; do
    case $members in *"$self"*) case $online in *"$self"*) ;; *) exit 1 ;; esac ;; esac
done
