#!/bin/sh
# Makes .venv and installs one lock into it, every file checked against its hash:
#     sh requirements/install.sh product | dev
# Needs nothing but python3 (3.11 or newer). Called by the Makefile, which remembers that it was done.
set -eu
cd "${0%/*}/.."
lock=$1
python=${PYTHON:-python3}
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 UV_LINK_MODE=copy

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

make_environment() {
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "Huitou needs Python 3.11 or newer and '$python' is not; name one with: make PYTHON=/path/to/python3 …"
    if uv --version >/dev/null 2>&1; then
        uv venv --quiet --clear --python "$python" .venv
        return
    fi
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        # Debian and Ubuntu keep this part of Python in a package of its own.
        package="$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
        [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
            fail "This Python cannot make virtual environments; install its package $package (or uv) and try again."
        apt-get update -qq && apt-get install -y -qq "$package" ||
            fail "Installing $package failed; install it or uv by hand and try again."
    fi
    "$python" -m venv --clear .venv
}

find_uv() {
    if uv --version >/dev/null 2>&1; then
        uv=uv
        return
    fi
    uv=.venv/bin/uv
    [ -x $uv ] || .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.lock
}

.venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || make_environment

# The development lock holds everything of the product's lock: whoever has it needs nothing more.
if [ "$lock" = product ] && [ -n "$(find .venv/dev.installed -newer requirements/dev.lock 2>/dev/null)" ]; then
    exit 0
fi

printf 'Installing requirements/%s.lock into .venv. This is done once and takes about a minute.\n' "$lock" >&2
find_uv
$uv pip sync --quiet --python .venv/bin/python --require-hashes "requirements/$lock.lock"
# The checkout itself, so that .venv/bin/huitou runs what is here. Its build tool came with the lock.
$uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
[ "$lock" = product ] || touch .venv/product.installed
