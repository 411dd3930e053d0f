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


def fault(version: str, target: bytes, headers: Headers) -> DomainError | None:
    """Return the refusal of a head that breaks a rule of its version; None if it breaks none."""
    path, host = parted(target)
    if version not in VERSIONS or not path.startswith(b"/") or b"#" in path:
        return Refused()
    if not _is_for_one_host(version, host, _values(headers, HOST)):
        return HostWrong()
    codings, lengths = _values(headers, b"transfer-encoding"), _values(headers, b"content-length")
    if codings and (version == "1.0" or codings != [b"chunked"] or lengths):
        return TransferCodingUnknown()
    if len(lengths) > 1 or not all(map(bytes.isdigit, lengths)):
        return Refused()
    # A client of HTTP/1.0 knows no expectations, and a proxy may have passed one on without reading it.
    if version == "1.1" and any(expected != b"100-continue" for expected in _values(headers, b"expect")):
        return ExpectationUnknown()
    return None


def _is_for_one_host(version: str, of_target: bytes | None, of_headers: Sequence[bytes]) -> bool:
    """Return whether a request names its host once in its headers, and rightly there and in its target."""
    if len(of_headers) > 1 or (version == "1.1" and not of_headers):
        return False
    return of_target != b"" and all(_HOST.fullmatch(host) for host in (*of_headers, of_target or b""))


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
