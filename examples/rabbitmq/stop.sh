# Before a server stops: waits until its queues can do without it, and hands over those that it leads. When all servers
# stop there is nobody to wait for, so it does not wait for ever.
rabbitmq-upgrade await_online_quorum_plus_one --timeout 60 && rabbitmq-upgrade drain --timeout 60
