# Takes a server that is gone for good, and its replicas of queues, out of the cluster. Runs on another one.
set -eu
rabbitmq-queues shrink "$1"
members=$(rabbitmqctl --quiet --formatter json cluster_status)
case $members in *"\"$1\""*) rabbitmqctl forget_cluster_node "$1" ;; esac
