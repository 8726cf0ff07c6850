# Makes a cluster of the first servers. It fails while one of them does not answer, and has formed nothing then: what an
# earlier attempt has left is reset, which Redis does only where there are no keys.
set -eu
addresses=
for server in $FIRST_SERVERS; do
    redis-cli -h "$server.$SERVICE_ADDRESS" cluster reset soft | grep -q OK
    addresses="$addresses $(getent hosts "$server.$SERVICE_ADDRESS" | cut -d ' ' -f 1):6379"
done
redis-cli --cluster create $addresses --cluster-yes
