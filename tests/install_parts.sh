#!/bin/sh
# The real parts that the tests run against: PostgreSQL, Java and Maven (for Apache Kafka), Chromium, tools on Node.js, and
# a generator of Python clients.
# Installs what is missing where it can; else says what to install. Costs nothing when everything is there.
set -eu

# The linters of the OpenAPI documents and the generator of types, in the versions of the lock file; no script of theirs is run.
npm="${0%/*}/npm"
if command -v npm >/dev/null && ! cmp -s "$npm/package-lock.json" "$npm/node_modules/installed.json"; then
    echo "Installing what the tests run on Node.js"
    if (cd "$npm" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null); then
        cp "$npm/package-lock.json" "$npm/node_modules/installed.json"
    else
        echo "Not installed, so tests marked \`node\` cannot run here: the packages of tests/npm" >&2
    fi
fi

# The generator of Python clients, in an environment of its own.
client="${0%/*}/client"
lock="${0%/*}/../requirements/client.lock"
if ! cmp -s "$lock" "$client/.venv/installed.lock"; then
    echo "Installing the generator of Python clients"
    if "${PYTHON:-python3}" -m venv --clear "$client/.venv" &&
        "$client/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"; then
        cp "$lock" "$client/.venv/installed.lock"
    else
        echo "Not installed, so the tests of generated clients cannot run here: requirements/client.lock" >&2
    fi
fi

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
