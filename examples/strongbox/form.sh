# Initialises the first server, which prints the keys once, and unseals the others with them
set -eu
printed=$(strongbox init localhost)
# All that goes to the standard output is kept in the Secret; nothing after this may fail, or the keys were lost.
echo "$printed"
set -- $(echo "$printed" | grep -o '"[^"]*"' | sed '1d; s/"//g')
for server in $FIRST_SERVERS; do
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        if strongbox unseal "$server.$SERVICE_ADDRESS" "$1" "$2" "$3" >&2; then break; fi
        sleep 1
    done
done
