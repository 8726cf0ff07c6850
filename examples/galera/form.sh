# The word for which the first server waits: it is to make a new cluster (start.sh).
touch /var/lib/mysql/form
