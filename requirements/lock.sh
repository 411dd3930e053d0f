#!/bin/sh
# Pins every dependency with its hashes; what is pinned already stays (--upgrade for the newest).
# The product's lock is a subset of the development lock, version for version.
set -eu
cd "${0%/*}/.."
uv --version >/dev/null 2>&1 || python -m pip install --quiet --require-hashes -r requirements/uv.lock

compile() {
    uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
        --custom-compile-command 'make locks' "$@"
}

compile "$@" --all-extras -o requirements/dev.lock pyproject.toml requirements/build.in
compile --extra profile --extra loyalty --extra feedback --extra scoring --constraint requirements/dev.lock \
    -o requirements/product.lock pyproject.toml requirements/build.in
compile "$@" -o requirements/uv.lock requirements/uv.in
compile "$@" -o requirements/client.lock requirements/client.in
