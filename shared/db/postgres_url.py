"""Read the URL of a PostgreSQL database as people write it for libpq, with TLS by `sslmode` and its files."""

import ssl
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url

from shared.speech import words

ENCRYPTED = ("require", "verify-ca", "verify-full")
SSL_MODES = ("disable", "allow", "prefer", *ENCRYPTED)
FILES = ("sslrootcert", "sslcert", "sslkey")
PASSED_ON = ("host", "port", "target_session_attrs", "prepared_statement_cache_size")
"""The other parameters of a URL that the driver understands."""
DRIVER = "postgresql+asyncpg"
SYSTEM = "system"
"""The value of `sslrootcert` that stands for the certificates that this machine trusts."""


class UnusableUrl(Exception):
    """A parameter of the URL cannot be used. The sentence says which one, and what to do."""


def read_url(text: str) -> tuple[URL, dict[str, Any]]:
    """Return the URL for the driver without the parameters that it does not know, and the arguments they stand for.

    Raises UnusableUrl.
    """
    url = make_url(text)
    if text.count("@") != (url.username is not None):
        # Then what is read as the host or the database may hold a part of the password.
        raise UnusableUrl(words(__name__, "url_at"))
    query = {name: _single(name, value) for name, value in url.query.items()}
    unknown = sorted(set(query) - {"sslmode", "application_name", *FILES, *PASSED_ON})
    if unknown:
        known = ["sslmode", *FILES, "application_name", *PASSED_ON]
        raise UnusableUrl(words(__name__, "url_parameter_unknown", name=unknown[0], known=known))
    arguments: dict[str, Any] = {}
    mode = query.get("sslmode")
    files = {name: query[name] for name in FILES if name in query}
    if mode is not None or files:
        arguments["ssl"] = _ssl(mode or "prefer", files)
    if "application_name" in query:
        arguments["server_settings"] = {"application_name": query["application_name"]}
    return url.set(query={name: query[name] for name in PASSED_ON if name in query}), arguments


def connect_arguments(text: str) -> dict[str, Any]:
    """Return the arguments with which asyncpg connects to the database of a URL by itself, exactly as the pool does.

    asyncpg reads a URL otherwise: it knows no `sslrootcert=system`, and looks for authorities in another place. Raises UnusableUrl.
    """
    url, arguments = read_url(text)
    dialect = url.set(drivername=DRIVER).get_dialect()()
    _, named = dialect.create_connect_args(url)
    named.pop("prepared_statement_cache_size", None)  # SQLAlchemy's own
    return {**named, **arguments}


def _single(name: str, value: str | tuple[str, ...]) -> str:
    if not isinstance(value, str):
        raise UnusableUrl(words(__name__, "url_parameter_twice", name=name))
    return value


def _ssl(mode: str, files: dict[str, str]) -> Any:
    """Return what the driver takes for a mode: False, the name of a mode that may go without TLS, or a context."""
    if mode not in SSL_MODES:
        raise UnusableUrl(words(__name__, "url_mode", mode=mode, known=[*SSL_MODES]))
    if mode not in ENCRYPTED:
        if files:
            raise UnusableUrl(words(__name__, "url_mode_needed", name=min(files), known=[*ENCRYPTED]))
        return False if mode == "disable" else mode
    roots = files.get("sslrootcert")
    if mode == "verify-ca" and roots in (None, SYSTEM):
        raise UnusableUrl(words(__name__, "url_root_needed"))
    context = ssl.create_default_context()
    if roots not in (None, SYSTEM):
        context = _made("sslrootcert", roots, lambda path: ssl.create_default_context(cafile=path))
    context.check_hostname = mode == "verify-full"
    if mode == "require" and roots is None:
        context.verify_mode = ssl.CERT_NONE  # as libpq: encrypted, and the server is believed
    certificate, key = files.get("sslcert"), files.get("sslkey")
    if (certificate is None) != (key is None):
        raise UnusableUrl(words(__name__, "url_pair"))
    if certificate is not None:
        assert key is not None
        _made("sslcert", certificate, lambda path: context.load_cert_chain(path, key))
    return context


def _made(name: str, path: str | None, make: Any) -> Any:
    """Call `make` with a path. Raises UnusableUrl if the file is not there or holds something else."""
    try:
        return make(str(Path(path or "").expanduser()))
    except OSError as error:  # an SSLError is one
        raise UnusableUrl(
            words(__name__, "url_of_file", name=name, path=path, error=error.strerror or error)
        ) from None
