# Tells the first server, which waits for it in start.sh, to make a new cluster.
touch /var/lib/mysql/form
