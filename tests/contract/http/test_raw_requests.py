"""Bytes that no HTTP library sends, to a real server: an answer or a closed connection, never a 5xx."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.answered import note_raw
from tests.parts.opened import AGENT, served

ANSWER_SECONDS_MAX = 20.0
ANSWER_BYTES_MAX = 1_000_000
HOST = b"Host: shop\r\n"
ALIVE = b"GET /health/live HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
BODY = json.dumps({"external_id": "C-77"}).encode()

Address = tuple[str, int]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Address, bytes]]:
    """The address of a running profile, and the header with an agent's token."""
    folder: Path = tmp_path_factory.mktemp("raw")
    with served("profile", folder) as (house, address):
        host, _, port = address.removeprefix("http://").partition(":")
        yield (host, int(port)), f"Authorization: Bearer {house.token(AGENT)}\r\n".encode()


def said(address: Address, *pieces: bytes, and_gone: bool = False) -> bytes:
    """Send these pieces, each in a packet of its own, and return what is answered until the server closes.

    `and_gone`: the client closes its side after the last piece; a server may take that for a client that has left.
    """
    with socket.create_connection(address, timeout=ANSWER_SECONDS_MAX) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        if and_gone:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while len(answer) < ANSWER_BYTES_MAX and (more := connection.recv(65_536)):
            answer += more
    note_raw(answer)
    return answer


NONSENSE = {
    "a protocol of others": b"\x16\x03\x01\x02\x00\x01",
    "HTTP/2 by prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a method that is none": b"BREW / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a tunnel": b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "a path of 70 kB": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "bytes in the path": b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "bytes in the query": b"GET /health/live?\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
    "another host's": b"GET http://other/v1/purchases HTTP/1.1\r\n" + HOST + b"\r\n",
    "everything": b"GET * HTTP/1.1\r\n" + HOST + b"\r\n",
    "5,000 headers": b"GET /health/live HTTP/1.1\r\n" + b"".join(b"x-%d: y\r\n" % i for i in range(5_000)) + b"\r\n",
    "a length of 40 digits": b"POST /v1/purchases HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n",
    "a negative length": b"POST /v1/purchases HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a chunk of no size": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
    "half a head": b"GET /health/live HTTP/1.1\r\nHos",
}  # fmt: skip


@pytest.mark.parametrize("sort", NONSENSE)
def test_what_is_no_request_is_refused_or_left_alone(door: tuple[Address, bytes], sort: str) -> None:
    address, _ = door

    answer = said(address, NONSENSE[sort], and_gone=True)

    assert not answer.startswith(b"HTTP/1.1 5"), answer[:300]
    assert b"Traceback" not in answer
    assert said(address, ALIVE).startswith(b"HTTP/1.1 200")


def asked(*headers: bytes, version: bytes = b"1.1", method: bytes = b"GET", body: bytes = b"") -> bytes:
    """The bytes of a request with exactly these headers."""
    first = method + b" /health/live HTTP/" + version
    return b"\r\n".join((first, *headers, b"", body))


def posted(*headers: bytes, version: bytes = b"1.1", body: bytes = b"0\r\n\r\n") -> bytes:
    """The bytes of a POST with these headers beside its host."""
    return asked(b"Host: shop", *headers, version=version, method=b"POST", body=body)


HOST_WRONG, CODING, EXPECTATION, UNREADABLE = (
    "host_wrong", "transfer_coding_unknown", "expectation_unknown", "bad_request",
)  # fmt: skip
AMBIGUOUS = {
    "no host": (asked(), HOST_WRONG),
    "two hosts": (asked(b"Host: shop", b"Host: other"), HOST_WRONG),
    "the same host twice": (asked(b"Host: shop", b"host: shop"), HOST_WRONG),
    "two hosts in HTTP/1.0": (asked(b"Host: shop", b"Host: shop", version=b"1.0"), HOST_WRONG),
    "two hosts in one header": (asked(b"Host: shop, other"), HOST_WRONG),
    "a host with a blank": (asked(b"Host: a shop"), HOST_WRONG),
    "a host with a path": (asked(b"Host: shop/other"), HOST_WRONG),
    "a host with a user": (asked(b"Host: me@shop"), HOST_WRONG),
    "a host with a port that is none": (asked(b"Host: shop:http"), HOST_WRONG),
    "no host in an absolute target": (b"GET http://shop/health/live HTTP/1.1\r\n\r\n", HOST_WRONG),
    "a target without a host": (b"GET http:///health/live HTTP/1.1\r\n" + HOST + b"\r\n", HOST_WRONG),
    "a target with a user": (b"GET http://me@shop/health/live HTTP/1.1\r\n" + HOST + b"\r\n", HOST_WRONG),
    "a target of another scheme": (b"GET ftp://shop/health/live HTTP/1.1\r\n" + HOST + b"\r\n", UNREADABLE),
    "a target that is no path": (b"GET health/live HTTP/1.1\r\n" + HOST + b"\r\n", UNREADABLE),
    "a target with a fragment": (b"GET /health/live#a HTTP/1.1\r\n" + HOST + b"\r\n", UNREADABLE),
    "two lengths": (posted(b"Content-Length: 1", b"Content-Length: 2", body=b"ab"), UNREADABLE),
    "two equal lengths": (posted(b"Content-Length: 2", b"Content-Length: 2", body=b"ab"), UNREADABLE),
    "two lengths in one header": (posted(b"Content-Length: 2, 2", body=b"ab"), UNREADABLE),
    "a length with a sign": (posted(b"Content-Length: +2", body=b"ab"), UNREADABLE),
    "a length in hexadecimal": (posted(b"Content-Length: 0x2", body=b"ab"), UNREADABLE),
    "an empty length": (posted(b"Content-Length:", body=b""), UNREADABLE),
    "a length and chunks": (posted(b"Content-Length: 5", b"Transfer-Encoding: chunked"), UNREADABLE),
    "chunks and a length": (posted(b"Transfer-Encoding: chunked", b"Content-Length: 5"), UNREADABLE),
    "another coding": (posted(b"Transfer-Encoding: gzip"), CODING),
    "another coding in chunks": (posted(b"Transfer-Encoding: gzip, chunked"), CODING),
    "chunks in another coding": (posted(b"Transfer-Encoding: chunked, gzip"), UNREADABLE),
    "chunks in chunks": (posted(b"Transfer-Encoding: chunked, chunked"), UNREADABLE),
    "chunks named twice": (posted(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), UNREADABLE),
    "a coding that is none": (posted(b"Transfer-Encoding: identity"), CODING),
    "a coding that looks like chunks": (posted(b"Transfer-Encoding: xchunked"), CODING),
    "chunks with a parameter": (posted(b"Transfer-Encoding: chunked;a=b"), CODING),
    "chunks in HTTP/1.0": (posted(b"Transfer-Encoding: chunked", version=b"1.0"), CODING),
    "a folded header": (asked(b"Host: shop", b"X-A: b", b" c"), UNREADABLE),
    "a header folded with a tab": (asked(b"Host: shop", b"X-A: b", b"\tc"), UNREADABLE),
    "a bare CR": (asked(b"Host: shop", b"X-A: b\rX-C: d"), UNREADABLE),
    "a bare LF": (asked(b"Host: shop", b"X-A: b\nX-C: d"), UNREADABLE),
    "only bare LF": (asked(b"Host: shop").replace(b"\r", b""), UNREADABLE),
    "a name with a blank": (asked(b"Host: shop", b"X A: b"), UNREADABLE),
    "a blank behind a name": (asked(b"Host : shop"), UNREADABLE),
    "a blank before the first name": (asked(b" Host: shop"), UNREADABLE),
    "no name": (asked(b"Host: shop", b": b"), UNREADABLE),
    "no colon": (asked(b"Host: shop", b"X-A"), UNREADABLE),
    "a NUL": (asked(b"Host: shop", b"X-A: b\x00c"), UNREADABLE),
    "a DEL": (asked(b"Host: shop", b"X-A: b\x7fc"), UNREADABLE),
    "another expectation": (asked(b"Host: shop", b"Expect: 200-ok"), EXPECTATION),
    "one more expectation": (posted(b"Content-Length: 2", b"Expect: 100-continue, more", body=b"{}"), EXPECTATION),
    "another version": (asked(b"Host: shop", version=b"2.0"), UNREADABLE),
    "an older version": (asked(b"Host: shop", version=b"0.9"), UNREADABLE),
}  # fmt: skip
"""Requests that two servers may read in two ways, or that this one does not understand."""


@pytest.mark.parametrize("sort", AMBIGUOUS)
def test_what_can_be_read_in_two_ways_is_refused_with_a_sentence(
    door: tuple[Address, bytes], sort: str
) -> None:
    address, _ = door
    raw, code = AMBIGUOUS[sort]

    head, _, body = said(address, raw).partition(b"\r\n\r\n")

    problem = json.loads(body)
    assert head.startswith(b"HTTP/1.1 417" if code == EXPECTATION else b"HTTP/1.1 400")
    assert b"\r\nconnection: close" in head.lower()
    assert (problem["code"], problem["type"]) == (code, f"/problems/{code}")
    assert problem["detail"]


@pytest.mark.parametrize("code", [HOST_WRONG, CODING, EXPECTATION, UNREADABLE])
def test_the_refusal_of_a_head_is_in_the_callers_language_and_described(
    door: tuple[Address, bytes], code: str
) -> None:
    address, _ = door
    raw = next(raw for raw, refusal in AMBIGUOUS.values() if refusal == code)
    first, _, rest = raw.partition(b"\r\n")

    chinese = said(address, first + b"\r\nAccept-Language: zh\r\n" + rest)
    described = said(address, ALIVE.replace(b"/health/live", b"/problems/" + code.encode()))

    assert b"content-language: zh" in chinese.lower()
    assert json.loads(chinese.partition(b"\r\n\r\n")[2])["detail"].isascii() is False
    assert described.startswith(b"HTTP/1.1 200")


PLAIN = {
    "HTTP/1.0 without a host": asked(version=b"1.0"),
    "an empty host": asked(b"Host:", b"Connection: close"),
    "a host with a port": asked(b"Host: shop.example:8001", b"Connection: close"),
    "an address of version 6": asked(b"Host: [::1]:8001", b"Connection: close"),
    "an absolute target": b"GET http://shop:1/health/live HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n",
    "an expectation in HTTP/1.0": asked(b"Expect: 100-continue", version=b"1.0"),
    "an unknown expectation in HTTP/1.0": asked(b"Expect: more", version=b"1.0"),
    "the expectation in capitals": asked(b"Host: shop", b"Expect: 100-Continue", b"Connection: close"),
    "blanks around a value": asked(b"Host: \t shop \t", b"Connection: close"),
}


@pytest.mark.parametrize("sort", PLAIN)
def test_what_the_standard_allows_is_answered(door: tuple[Address, bytes], sort: str) -> None:
    address, _ = door

    assert said(address, PLAIN[sort]).startswith(b"HTTP/1.1 200")


def test_an_absolute_target_without_a_path_is_the_root(door: tuple[Address, bytes]) -> None:
    address, _ = door

    answer = said(address, b"GET http://shop?a=b HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 404")


@pytest.mark.parametrize("protocol", ["h2c", "websocket", "h2c, websocket", "TLS/1.0"])
@pytest.mark.parametrize("pieces", [1, 2])
def test_an_invitation_to_another_protocol_is_passed_over_and_the_body_is_read(
    door: tuple[Address, bytes], protocol: str, pieces: int
) -> None:
    """The parser takes the body for the other protocol's; the request lost its body by that, or was never answered."""
    address, agent = door
    invitation = (
        f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABk\r\n".encode()
    )
    head = b"POST /v1/customers HTTP/1.1\r\n" + HOST + agent + invitation
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)

    answer = said(address, *([head + BODY + ALIVE] if pieces == 1 else [head, BODY + ALIVE]))

    first, _, second = answer.partition(b"\r\n\r\n")
    assert first.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")), answer[:500]
    assert b"application/json" in first
    assert b'"created"' in second
    assert b"HTTP/1.1 200" in second


@pytest.mark.parametrize("connection", [b"close", b"Upgrade, close"])
def test_what_follows_the_last_request_of_a_connection_is_left_alone(
    door: tuple[Address, bytes], connection: bytes
) -> None:
    address, agent = door
    head = b"POST /v1/customers HTTP/1.1\r\n" + HOST + agent + b"Upgrade: h2c\r\nConnection: " + connection
    head += b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)

    answer = said(address, head + BODY + ALIVE)

    assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")), answer[:500]
    assert answer.count(b"HTTP/1.1") == 1


def test_requests_that_break_off_leave_the_server_whole(door: tuple[Address, bytes]) -> None:
    address, agent = door
    head = (
        b"POST /v1/customers HTTP/1.1\r\n"
        + HOST
        + agent
        + b"Content-Type: application/json\r\nIdempotency-Key: k\r\n"
    )
    for number in range(30):
        with socket.create_connection(address, timeout=ANSWER_SECONDS_MAX) as connection:
            connection.sendall(head + b"Content-Length: 500\r\n\r\n" + b"{" * (number % 3))

    whole = head + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
    assert said(address, whole).startswith((b"HTTP/1.1 200", b"HTTP/1.1 201"))


def test_a_head_that_is_too_large_is_refused_with_a_code(door: tuple[Address, bytes]) -> None:
    answer = said(door[0], b"GET /health/live HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 40_000 + b"\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 431")
    assert b"head_too_large" in answer
