# Starts a server: with the list of servers that it had last, or the first time with the first three and itself.
set -eu
server() { echo "server.$(($1 + 1))=zookeeper-$1.$SERVICE_ADDRESS:2888:3888:participant;0.0.0.0:2181"; }

conf=/data/conf
mkdir -p $conf
echo "$((POD_ORDINAL + 1))" > /data/myid
servers=$(ls -t $conf/zoo.cfg.dynamic.[0-9a-f]* 2> /tmp/none | head -n 1)
if [ -z "$servers" ]; then
    servers=$conf/zoo.cfg.dynamic
    for ordinal in $(printf '%s\n' 0 1 2 "$POD_ORDINAL" | sort -u); do server "$ordinal"; done > "$servers"
fi
{
    cat /etc/zookeeper/zoo.cfg
    echo "maxClientCnxns=$MAX_CONNECTIONS"
    echo "dynamicConfigFile=$servers"
} > $conf/zoo.cfg
until getent hosts "$POD_ADDRESS" > /tmp/address; do sleep 0.2; done
exec java org.apache.zookeeper.server.quorum.QuorumPeerMain $conf/zoo.cfg
