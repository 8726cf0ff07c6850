# What join.sh and leave.sh have in common.
set -eu
ip() { getent ahostsv4 "$1" | cut -d ' ' -f 1 | sort -u; }
ask() { timeout 5 valkey-cli -h "$@" 2> /tmp/none; }
sentinel() { ask "$1" -p 26379 sentinel "$2" main; }
values() { sed -n "/^$1\$/{n;p;}"; }

# Sets "others", without the server that joins or leaves, and "primary". Fails unless the Sentinels of all others know the
# same primary, and none takes over from it: at any other time nothing is changed.
agree() {
    others=$(ip "$SERVICE_ADDRESS" | grep -vxF "$(ip "$1")")
    primary=$(sh /scripts/primary.sh) || return 1
    for other in $others; do
        known=$(sentinel "$other" master)
        [ "$(echo "$known" | values ip) $(echo "$known" | values flags)" = "$primary master" ] || return 1
    done
}

# Whether a server is the primary or follows it. The Sentinels correct whom a replica follows, if they know it; one that
# was away or was joining during a failover is known to none, since they ask the primary who follows it. A server that
# takes writes is left alone: it may have just taken over.
follows() {
    state=$(ask "$1" role | head -n 4 | tr '\n' ' ')
    case $state in
        "slave $primary 6379 connected ") return 0 ;;
        "slave "*) ;;
        *) [ "${state%% *} $(ip "$1")" = "master $(ip "$primary")" ]; return ;;
    esac
    address=$(ask "$1" config get replica-announce-ip | tail -n 1)
    for peer in $others; do
        known=$(sentinel "$peer" replicas) || return 1
        ! echo "$known" | values ip | grep -qxF "$address" || return 1
    done
    printf '%s\n' "replicaof $primary 6379" "config rewrite" | ask "$1"
    return 1
}
