# Takes a server's replicas of queues away, and the server out of the cluster. Runs on another one.
set -eu
rabbitmq-queues shrink "$1"
rabbitmqctl --node "$1" stop_app
rabbitmqctl --node "$1" reset
