#!/bin/sh
# A database and a user a service, each with a password of its own; nobody may connect to another's. Run once, by the
# image, on an empty volume.
set -eu
for service in profile loyalty feedback scoring; do
    psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
        --set name="$service" --set password="$(cat "/run/secrets/$service")" <<'SQL'
CREATE USER :"name" PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE CONNECT ON DATABASE :"name" FROM PUBLIC;
SQL
done
