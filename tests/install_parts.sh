#!/bin/sh
# The real parts that the tests run against: PostgreSQL, Java and Maven (for Apache Kafka), Chromium.
# Installs what is missing where it can; else says what to install. Costs nothing when everything is there.
set -eu

missing=
command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 ||
    [ -n "${TEST_POSTGRES_URL:-}" ] || missing="$missing postgresql"
if [ -z "${TEST_KAFKA:-}" ]; then
    command -v java >/dev/null || missing="$missing default-jre-headless"
    command -v mvn >/dev/null || missing="$missing maven"
fi
command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing="$missing chromium"

[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing what the tests run against:$missing"
    # shellcheck disable=SC2086  # a list of packages
    if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $missing >/dev/null; then
        exit 0
    fi
fi
echo "Not installed, so some tests cannot run for real here; please install:$missing" >&2
