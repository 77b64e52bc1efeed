#!/bin/sh
# Chromium inside the network namespace $KVS_NETNS; its pipes to the runner stay open.
exec ip netns exec "$KVS_NETNS" "$CHROMIUM" "$@"
