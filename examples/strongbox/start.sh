# Starts a server: the first one is the primary, the others copy from it.
if [ "$POD_ORDINAL" = 0 ]; then export PRIMARY=; else export PRIMARY="$FIRST_POD_ADDRESS"; fi
exec strongbox serve
