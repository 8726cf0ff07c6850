# Starts a controller or a broker: which of them is the instance's group. The first time it formats its disk.
set -eu
settings=/tmp/server.properties
voters=$(for number in 0 1 2; do printf '%s' ",10$number@kafka-controllers-$number.$SERVICE_ADDRESS:9092"; done)
{
    cat /etc/kafka/server.properties
    echo "controller.quorum.voters=${voters#,}"
    echo "message.max.bytes=$MAX_BYTES"
    if [ "$GROUP_NAME" = controllers ]; then
        printf '%s\n' process.roles=controller "node.id=10$POD_ORDINAL" listeners=CONTROLLER://:9092
    else
        printf '%s\n' process.roles=broker "node.id=$POD_ORDINAL" listeners=CLIENT://:9092
        printf '%s\n' inter.broker.listener.name=CLIENT "advertised.listeners=CLIENT://$POD_ADDRESS:9092"
    fi
} > $settings
[ -s /data/kafka/meta.properties ] ||
    java kafka.tools.StorageTool format --ignore-formatted --cluster-id "$CLUSTER_ID" --config $settings
exec java kafka.Kafka $settings
