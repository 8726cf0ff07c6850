# Prints the address of the primary, as the first Sentinel that answers knows it; fails where none knows one.
for sentinel in $(getent ahostsv4 "$SERVICE_ADDRESS" | cut -d ' ' -f 1 | sort -u); do
    timeout 2 valkey-cli -h "$sentinel" -p 26379 sentinel get-master-addr-by-name main 2> /dev/null |
        grep -m 1 . && exit
done
exit 1
