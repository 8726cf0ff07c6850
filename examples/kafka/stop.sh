# Before a broker stops: waits until every partition has all its copies, so that enough are left. Where other brokers are
# away, too, there are never all, so it does not wait for ever.
[ "$GROUP_NAME" = brokers ] || exit 0
for attempt in $(seq 10); do
    missing=$(java org.apache.kafka.tools.TopicCommand --bootstrap-server localhost:9092 --describe \
        --under-replicated-partitions) || break
    [ -n "$missing" ] || break
    sleep 1
done
