# Before a server stops: waits until its queues can do without it, and hands over those that it leads.
rabbitmq-upgrade await_online_quorum_plus_one --timeout 300 && rabbitmq-upgrade drain --timeout 300
