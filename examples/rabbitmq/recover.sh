# Has this server start without waiting for those that ran when it stopped. They follow it.
set -eu
server=/var/lib/rabbitmq/mnesia/rabbit@$POD_ADDRESS
touch "$server/force_load"
# When this script has ended, or else it would end with the server.
(sleep 1; kill -9 "$(cat "$server.pid")") > /tmp/recovered 2>&1 &
