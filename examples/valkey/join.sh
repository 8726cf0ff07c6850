# Succeeds when a new server follows the primary and all Sentinels know it: join.sh ADDRESS. Runs on another one.
. /scripts/sentinels.sh
agree "$1"
follows "$1"
for other in $others; do [ "$primary" = "$1" ] || sentinel "$other" replicas | grep -F "$1"; done
