# Takes a server and its Sentinel out: leave.sh ADDRESS. Runs on another one.
#
# A Sentinel forgets a server by forgetting all ("reset"), and finds the others again within ten seconds. So they do that
# one after another, each when all agree on the primary, every server follows it, and each Sentinel knows all others: a
# primary that fails meanwhile has a replica take over, or comes back to those that follow it.
. /scripts/sentinels.sh
forgotten() {
    agree "$1" || return 1
    if [ "$primary" = "$1" ]; then
        ask "$1" acl setuser default +@all
        sentinel "$1" failover
        return 1
    fi
    next=
    for other in $others; do
        follows "$other" || return 1
        known=$(sentinel "$other" replicas | values ip; sentinel "$other" sentinels | values ip)
        [ "$(echo "$known" | grep -cvxF "$1")" -ge $(($(echo "$others" | wc -l) * 2 - 2)) ] || return 1
        ! echo "$known" | grep -qxF "$1" || next=${next:-$other}
    done
    [ -z "$next" ] || forget "$1"
}
forget() {
    # It follows no more, and no Sentinel can have it follow. It could still take over, until the others have what it has.
    if role=$(ask "$1" role); then
        [ "${role%%[!a-z]*}" = slave ] || return 1
        printf '%s\n' "replicaof 127.0.0.1 1" "acl setuser default $ONLY_ALONE" | ask "$1"
        for other in $others; do [ "$(offset "$other")" -ge "$(offset "$1")" ] || return 1; done
        ask "$1" config set replica-priority 0
        for other in $others; do
            known=$(sentinel "$other" replicas)
            ! echo "$known" | values ip | grep -qxF "$1" || echo "$known" | values slave-priority | grep -qx 0 || return 1
        done
    fi
    sentinel "$1" remove
    sentinel "$next" reset
    return 1
}
ONLY_ALONE="-replicaof -slaveof +replicaof|no +slaveof|no"
offset() { ask "$1" info replication | tr -d '\r' | sed -n 's/^\(master\|slave\)_repl_offset://p' | sort -n | tail -n 1; }
until forgotten "$1"; do sleep 1; done
