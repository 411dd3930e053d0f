"""Bytes that no HTTP library sends, to a real server: an answer or a closed connection, never a 5xx."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

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
