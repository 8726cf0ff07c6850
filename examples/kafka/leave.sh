# Moves the partitions of a broker to those before it: leave.sh POD ORDINAL. Runs on another server.
set -eu
case $1 in *-brokers-*) ;; *) echo "The three controllers are fixed (controller.quorum.voters)"; exit 1 ;; esac
kafka() {
    tool=$1
    shift
    java "org.apache.kafka.tools.$tool" --bootstrap-server kafka-client:9092 "$@"
}
for attempt in $(seq 300); do
    topics=$(kafka TopicCommand --describe | awk -v id="$2" -F '\t' \
        '/Partition:/ && $0 ~ "Replicas: ([0-9]+,)*" id "(,|\t|$)" { sub("Topic: ", "", $2); print $2 }' | sort -u)
    [ -n "$topics" ] || exit 0
    if kafka reassign.ReassignPartitionsCommand --list | grep -q '^No partition'; then
        printf '{"version": 1, "topics": [%s]}' \
            "$(for topic in $topics; do printf '{"topic": "%s"},' "$topic"; done | sed 's/,$//')" > /tmp/topics.json
        kafka reassign.ReassignPartitionsCommand --generate --topics-to-move-json-file /tmp/topics.json \
            --broker-list "$(seq -s , 0 $(($2 - 1)))" | tail -n 1 > /tmp/plan.json
        kafka reassign.ReassignPartitionsCommand --execute --reassignment-json-file /tmp/plan.json
    fi
    sleep 1
done
