# Starts a server as soon as the others can find it by its name.
until getent hosts "$POD_ADDRESS" > /tmp/address; do sleep 0.2; done
exec rabbitmq-server
