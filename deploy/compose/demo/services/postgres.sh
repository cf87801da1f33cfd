#!/bin/sh
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
# PostgreSQL in the foreground, on the demo's own network only.
set -e
bin=$(ls -d /usr/lib/postgresql/*/bin)
export PGDATA=/data
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$PGDATA" /run/postgresql
    chown postgres:postgres "$PGDATA" /run/postgresql
    chmod 700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups "$0"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    "$bin/initdb" --pgdata="$PGDATA" --auth=trust --username=postgres --encoding=UTF8 --no-sync > /dev/null
    echo "host all all all trust" >> "$PGDATA/pg_hba.conf"
fi
# shared_buffers: a page cache that the coach would eat, was it let.
exec "$bin/postgres" -D "$PGDATA" -c listen_addresses='*' -c jit=off -c shared_buffers=32MB
