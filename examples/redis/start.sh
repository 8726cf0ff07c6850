# Starts a server.
exec redis-server --dir /data --appendonly yes --appendfsync always --protected-mode no --maxclients "$MAX_CLIENTS" \
    --cluster-enabled yes --cluster-announce-ip "$POD_IP" --cluster-announce-hostname "$POD_ADDRESS" \
    --cluster-preferred-endpoint-type hostname --cluster-require-full-coverage no
