# Prints whether the server leads or follows; fails when it does neither.
echo srvr | nc 127.0.0.1 2181 | grep Mode:
