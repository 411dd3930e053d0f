"""Clients that want to exhaust the product, against `huitou up` as a person runs it: it stays small and answers the others."""

import json
import os
import random
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from huitou import tokens
from shared.trust import authorities
from tests.conftest import SEED
from tests.parts.installations import Installation
from tests.parts.sampling import sample

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
GROWTH_BYTES_MAX = 48 * MIB
"""Far below what each attack had cost (100 MB to 2.5 GB), far above what an honest request needs."""
ANSWER_SECONDS_MAX = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = resource.getpagesize()
GET = b"GET /health/live HTTP/1.1\r\nHost: shop\r\n\r\n"
BATCH = "/v1/purchases:batch"


@dataclass
class Product:
    """The running product, and what it costs the machine."""

    pid: int
    port_base: int
    token: str

    @property
    def port(self) -> int:
        """The port of profile."""
        return self.port_base + 1

    @property
    def resident(self) -> int:
        """The bytes of memory that it has now."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE

    @property
    def cpu_seconds(self) -> float:
        """The CPU time that it has used since its start."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=ANSWER_SECONDS_MAX)

    def post(self, path: str, content: bytes) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{self.port}{path}"
        return httpx2.post(
            url, content=content, headers=headers, timeout=ANSWER_SECONDS_MAX, verify=authorities()
        )

    def answers_others(self) -> None:
        """Assert that each port answers a client that comes now."""
        for offset in range(5):
            url = f"http://127.0.0.1:{self.port_base + offset}/health/live"
            assert httpx2.get(url, timeout=ANSWER_SECONDS_MAX, verify=authorities()).status_code == 200


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    installation = Installation(tmp_path_factory.mktemp("attacked"))
    with installation.up("--no-demo") as up:
        running = Product(up.process.pid, installation.port_base, tokens.operator(installation.home, "admin"))
        running.post(BATCH, json.dumps({"items": [purchase(0, 1)]}).encode())  # everything is loaded
        running.answers_others()
        yield running


@contextmanager
def bounded_growth(product: Product) -> Iterator[None]:
    """Assert that the most memory that the product has inside is not much more than before."""
    before, most, ended = product.resident, 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not ended.wait(0.01):
            most = max(most, product.resident)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield
    finally:
        ended.set()
        watching.join()
    assert most - before < GROWTH_BYTES_MAX, f"{(most - before) // MIB} MiB more"


def sent(product: Product, *pieces: bytes) -> bytes:
    """Everything that comes back, until the server closes. What it does not take is not sent."""
    with product.connect() as connection:
        with suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
        answer = b""
        with suppress(ConnectionError):
            while more := connection.recv(65_536):
                answer += more
    return answer


START = b"GET /health/live HTTP/1.1\r\nHost: shop\r\n"
HEADS: dict[str, tuple[int, Callable[[], Iterator[bytes]]]] = {
    "one long header": (431, lambda: iter([START, b"X: ", *[b"a" * MIB] * 50])),
    "long headers": (431, lambda: iter([START, *[b"X: " + b"a" * MIB + b"\r\n"] * 50])),
    "a million headers": (431, lambda: iter([START, *[b"a: b\r\n" * 10_000] * 100])),
    "101 headers": (431, lambda: iter([START, b"a: b\r\n" * 100 + b"\r\n"])),
    "33 KiB": (431, lambda: iter([START, b"a: " + b"b" * 33 * 1024 + b"\r\n\r\n"])),
    "a long path": (414, lambda: iter([b"GET /", *[b"a" * MIB] * 20])),
    "a path of 9 kB": (414, lambda: iter([b"GET /" + b"a" * 9_000 + b" HTTP/1.1\r\nHost: shop\r\n\r\n"])),
    "a long method": (400, lambda: iter([b"A" * MIB] * 20)),
    "empty lines": (431, lambda: iter([b"\r\n" * MIB] * 20)),
    "no end of a line": (400, lambda: iter([b"\x00" * MIB] * 20)),
}


@pytest.mark.parametrize("sort", sample(random.Random(SEED), HEADS, 3))
def test_a_head_that_is_too_large_is_refused_before_it_has_arrived(product: Product, sort: str) -> None:
    status, pieces = HEADS[sort]
    with bounded_growth(product):
        head, _, body = sent(product, *pieces()).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 %d" % status), head[:300]
    assert b"application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert b"request-id: " in head.lower()
    product.answers_others()


CHUNKED = b"POST /health/live HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "pieces",
    [
        [CHUNKED + b"0\r\n", *[b"X: " + b"a" * MIB + b"\r\n"] * 50],
        [CHUNKED, *[b"1;" + b"a" * MIB + b"\r\nx\r\n"] * 50],
        [CHUNKED, *[b"10000\r\n" + b"x" * 65_536 + b"\r\n"] * 800],
        [
            b"POST /health/live HTTP/1.1\r\nHost: shop\r\nContent-Length: 100000000\r\n\r\n",
            *[b"x" * MIB] * 100,
        ],
    ],
    ids=["trailers", "extensions", "chunks without end", "a body that nobody wants"],
)
def test_what_comes_with_a_body_is_bounded_too(product: Product, pieces: list[bytes]) -> None:
    with bounded_growth(product):
        answer = sent(product, *pieces)

    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 405", b"HTTP/1.1 413"))
    product.answers_others()


def test_requests_are_not_read_ahead_of_answers_that_nobody_reads(product: Product) -> None:
    with bounded_growth(product), product.connect() as connection:
        connection.settimeout(3.0)
        with suppress(TimeoutError, ConnectionError):
            for _ in range(40):
                connection.sendall(GET * (MIB // len(GET)))
        product.answers_others()


def test_requests_that_are_sent_together_are_answered_in_their_order(product: Product) -> None:
    paths = [b"/health/live", b"/nothing", b"/health/ready"] * 20
    requests = b"".join(b"GET " + path + b" HTTP/1.1\r\nHost: shop\r\n\r\n" for path in paths)
    body = b"POST /v1/purchases HTTP/1.1\r\nHost: shop\r\nContent-Length: 2\r\n\r\n{}"
    chunks = (
        b"POST /v1/purchases HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    )
    last = b"GET /health/live HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n"

    answer = sent(product, requests + (body + chunks) * 20 + last)

    statuses = [
        line.split()[1]
        for line in answer.split(b"\r\n")
        if b"HTTP/1.1 " in line[-30:] or line.startswith(b"HTTP/1.1")
    ]
    assert answer.count(b"HTTP/1.1 ") == len(paths) + 40 + 1
    assert statuses[:1] == [b"200"]
    assert answer.count(b"HTTP/1.1 404") == 20
    assert answer.count(b"HTTP/1.1 401") == 40


def test_a_thousand_connections_that_ask_nothing_close_no_port(product: Product) -> None:
    with bounded_growth(product):
        idle = [product.connect() for _ in range(1_100)]
        try:
            product.answers_others()
        finally:
            for connection in idle:
                connection.close()


def test_a_thousand_connections_with_half_a_request_close_no_port(product: Product) -> None:
    with bounded_growth(product):
        slow = [product.connect() for _ in range(1_100)]
        try:
            for number, connection in enumerate(slow):
                with suppress(ConnectionError):
                    connection.sendall(GET[: 10 + number % 20])
            product.answers_others()
        finally:
            for connection in slow:
                connection.close()


def test_the_page_of_the_console_costs_little_however_often_it_is_asked_for(product: Product) -> None:
    url = f"http://127.0.0.1:{product.port_base}/"
    with httpx2.Client(timeout=ANSWER_SECONDS_MAX) as client:
        before, began = product.cpu_seconds, time.monotonic()
        for _ in range(300):
            assert client.get(url).status_code == 200
        spent, seconds = product.cpu_seconds - before, time.monotonic() - began

    assert spent < 300 * 0.015 + seconds * 0.15, "45 ms each, when each asked the four services"


def purchase(number: int, lines: int) -> dict[str, Any]:
    line = {"sku": "TEA", "quantity": 1, "amount_minor": 100}
    return {
        "source": "till", "order_id": f"o-{lines}-{number}", "purchased_at": "2026-03-01T09:30:00Z",
        "customer": {"external_id": f"C-{number % 50}"}, "currency": "CNY", "lines": [line] * lines,
    }  # fmt: skip


def items(item: bytes, count: int) -> bytes:
    return b'{"items":[' + b",".join([item] * count) + b"]}"


NAMES = b"{" + b",".join(b'"n%d":1' % number for number in range(190)) + b"}"
COSTLY = {
    "objects": items(b'{"lines":[' + b",".join([b"{}"] * 1_000) + b"]}", 500),
    "fewer objects": items(b'{"lines":[' + b",".join([b"{}"] * 400) + b"]}", 500),
    "one list": items(b'{"lines":[' + b",".join([b"{}"] * 200_000) + b"]}", 1),
    "many items": items(b"{}", 200_000),
    "numbers": b'{"items":[' + b",".join([b"1"] * 400_000) + b"]}",
    "unknown names": items(b'{"lines":[' + b",".join([NAMES] * 1_000) + b"]}", 1),
    "depth": b'{"items":' + b"[" * 1_000_000 + b"]" * 1_000_000 + b"}",
    "half a text": b'{"items":"' + b'\\"' * 1_500_000,
    "names of one object": b"{" + b",".join(b'"n%d":1' % number for number in range(200_000)) + b"}",
}


@pytest.mark.parametrize("sort", COSTLY)
def test_a_body_that_asks_for_much_work_is_refused_for_little(product: Product, sort: str) -> None:
    honest = json.dumps({"items": [purchase(number, 20) for number in range(500)]}).encode()
    json.loads(honest)
    before = product.cpu_seconds
    with bounded_growth(product):
        answer = product.post(BATCH, COSTLY[sort])

    document = answer.json()
    assert answer.status_code in (400, 422)
    assert len(document.get("errors", ())) <= 100
    assert product.cpu_seconds - before < 2.0, "7.3 s, when every error of the body was told"
    if sort in ("fewer objects", "unknown names"):
        assert (len(document["errors"]), document["more_errors"]) == (100, True)


def test_the_largest_batch_of_purchases_is_taken(product: Product) -> None:
    content = json.dumps({"items": [purchase(number, 100) for number in range(500)]}, separators=(",", ":"))
    assert 2 * MIB < len(content) < 4 * MIB

    answer = product.post(BATCH, content.encode())

    assert {item["status"] for item in answer.json()["items"]} == {201}
