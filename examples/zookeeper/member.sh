# Adds a server that has started, or removes one: member.sh add|remove ORDINAL ADDRESS. Runs on another one.
set -eu
zookeeper() { java org.apache.zookeeper.ZooKeeperMain -server localhost:2181 "$@"; }

number=$(($2 + 1))
if [ "$1" = add ]; then
    zookeeper reconfig -add "server.$number=$3:2888:3888:participant;0.0.0.0:2181"
elif zookeeper config | grep -q "^server.$number="; then
    zookeeper reconfig -remove "$number"
fi
