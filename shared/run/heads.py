"""The rules for the head of a request that the parser leaves to the server (RFC 9110, RFC 9112).

A server in front of this one that reads a head in another way would let a client smuggle a second request through. So what
can be read in two ways is refused.
"""

import re
from collections.abc import Sequence

from shared.errors import DomainError
from shared.http.problems import ExpectationUnknown, HostWrong, Refused, TransferCodingUnknown

Headers = Sequence[tuple[bytes, bytes]]
VERSIONS = ("1.0", "1.1")
HOST = b"host"
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+;=-]|%[0-9A-Fa-f]{2})*)(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)


def fault(version: str, headers: Headers) -> DomainError | None:
    """Return the refusal of a head that breaks a rule of its version; None if it breaks none."""
    if version not in VERSIONS:
        return Refused()
    hosts = _values(headers, HOST)
    if len(hosts) > 1 or (version == "1.1" and not hosts) or not all(map(_HOST.fullmatch, hosts)):
        return HostWrong()
    codings = _values(headers, b"transfer-encoding")
    lengths = _values(headers, b"content-length")
    if codings and (version == "1.0" or codings != [b"chunked"] or lengths):
        return TransferCodingUnknown()
    if len(lengths) > 1 or not all(map(bytes.isdigit, lengths)):
        return Refused()
    # A client of HTTP/1.0 knows no expectations, and a proxy may have passed one on without reading it.
    if version == "1.1" and any(expected != b"100-continue" for expected in _values(headers, b"expect")):
        return ExpectationUnknown()
    return None


def parted(target: bytes) -> tuple[bytes, bytes | None]:
    """Return the path with its query, and the host of a target that names one (RFC 9112, section 3.2.2)."""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return target, None
    host, path = absolute.groups()
    return (path if path.startswith(b"/") else b"/" + path), host


def with_host(headers: Headers, host: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers with this host in the place of theirs."""
    return [(HOST, host), *((name, value) for name, value in headers if name != HOST)]


def _values(headers: Headers, name: bytes) -> list[bytes]:
    return [value.strip(b" \t").lower() for given, value in headers if given == name]
