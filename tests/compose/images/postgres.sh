#!/bin/sh
# Makes the cluster on an empty volume and runs /docker-entrypoint-initdb.d on it, on a socket only; then serves.
set -eu
PATH="$(echo /usr/lib/postgresql/*/bin):$PATH"
data=/var/lib/postgresql/data
export POSTGRES_USER="${POSTGRES_USER:-postgres}"

if [ ! -s "$data/PG_VERSION" ]; then
    rm -rf "$data.new"
    initdb --pgdata "$data.new" --username "$POSTGRES_USER" --pwfile "$POSTGRES_PASSWORD_FILE" --encoding UTF8 \
        --locale C.UTF-8 --auth-local trust --auth-host scram-sha-256
    pg_ctl --pgdata "$data.new" --wait --options "-c listen_addresses= -k $PGHOST" start
    for script in /docker-entrypoint-initdb.d/*.sh; do
        "$script"
    done
    pg_ctl --pgdata "$data.new" --wait stop
    echo 'host all all all scram-sha-256' >>"$data.new/pg_hba.conf"
    mv "$data.new" "$data"
fi
exec postgres -D "$data" -c 'listen_addresses=*' -k "$PGHOST"
