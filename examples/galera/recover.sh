# Has a server that waits for the others start again, as the first one of the cluster.
mariadb-admin --silent ping 2> /tmp/none && exit 0
touch /var/lib/mysql/recover
kill 1
