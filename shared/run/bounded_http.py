"""HTTP/1.1 with bounds on what a connection may hold: the head of a request, and what is read ahead of an answer.

What arrives is given to the parser in pieces that end where a head ends. So the bounds hold whatever the parser does, and
the next request of a connection is not read before the present one is answered.
"""

import asyncio
import contextlib
from asyncio import TimerHandle
from typing import Literal, cast

from fastapi import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from shared.errors import DomainError
from shared.http import problems
from shared.http.problems import (
    ANSWERED,
    PLAIN_HEADERS,
    HeadTooLarge,
    Refused,
    Scope,
    TargetTooLong,
    TooManyChunks,
)
from shared.limits import BATCH_BODY_BYTES_MAX, CHUNKS_MAX, HEAD_BYTES_MAX, HEAD_FIELDS_MAX, TARGET_BYTES_MAX
from shared.run import heads
from shared.run.plain_http import PlainHttp

PIECE_BYTES = 512
"""The bytes that are parsed at once where the end of a request is not known beforehand. They hold few small requests."""
UNTOLD_BYTES_MAX = HEAD_BYTES_MAX
"""The most bytes of a chunked body that carry none of it: sizes, extensions, trailers."""
UNWANTED_BYTES_MAX = BATCH_BODY_BYTES_MAX
"""The most bytes of a body, with the sizes of its chunks, that still arrive after its request was answered. They are read so
that the client reads its answer."""
LINGER_SECONDS = 5.0
DROPPED_BYTES_MAX = 64 * 1024 * 1024
"""The time and the bytes in which a client may still send after the last answer of its connection.

What it sends is read and dropped. A connection that is closed before is reset when more arrives: the client's writing fails,
and most clients then never read why they were refused.
"""
END_OF_HEAD = b"\r\n\r\n"

Part = Literal["head", "body"]


class BoundedHttp(PlainHttp):
    """A connection that holds one request, and at most one piece of data that was read ahead of it."""

    _coming: Part | None = None
    """The part of a request that has begun to arrive and is not complete."""
    _begun = 0
    """The number of requests that have begun to arrive."""
    _whole = False
    """Whether the last data completed a request."""
    _ahead = b""
    """The data that is parsed after the present answer. While there is any, no more is read."""
    _head_bytes = 0
    """The bytes of the head that is arriving."""
    _untold_bytes = 0
    """The bytes of a chunked body since the last that carried some of it."""
    _chunks = 0
    """The chunks of the body that have begun to arrive."""
    _unwanted_bytes = 0
    """The bytes that arrived with the body after the answer."""
    _expected: int | None = None
    """The bytes of the body that are still to come; None if its end is not known."""
    _fault: DomainError | None = None
    """The rule or the limit that the request breaks."""
    _refused = False
    """Whether no further request of the connection is answered. What still arrives is dropped."""
    _lingering: TimerHandle | None = None
    """The end of the time in which the client may still send after the last answer."""
    _dropped_bytes = 0
    """The bytes that were dropped."""

    def data_received(self, data: bytes) -> None:
        """Parse the data, unless it has to wait or is dropped."""
        if not self._refused:
            self._ahead += data
            self._read_on()
            return
        self._dropped_bytes += len(data)
        if self._dropped_bytes > DROPPED_BYTES_MAX:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timer of the connection."""
        if self._lingering is not None:
            self._lingering.cancel()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Note that the first byte of a request has arrived."""
        self._coming, self._begun = "head", self._begun + 1
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Collect the target of the request, within its limit."""
        super().on_url(url)
        if len(self.url) > TARGET_BYTES_MAX:
            self._fault = TargetTooLong(limit=TARGET_BYTES_MAX)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header, within their limit. What follows a chunked body is no header."""
        if self._coming == "head" and self._fault is None:
            super().on_header(name, value)
            if len(self.headers) > HEAD_FIELDS_MAX:
                self._fault = _head_too_large()

    def on_headers_complete(self) -> None:
        """Note that the head of the request has arrived, and begin to answer, unless the head breaks a rule."""
        version = self.parser.get_http_version()
        self._fault = self._fault or heads.fault(version, self.url, self.headers)
        if self._fault is not None:
            return
        self._coming, self._head_bytes = "body", 0
        self._untold_bytes, self._chunks, self._unwanted_bytes = 0, 0, 0
        lengths = [int(value) for name, value in self.headers if name == b"content-length"]
        self._expected = lengths[0] if lengths else None
        self.url, host = heads.parted(self.url)
        if host is not None:
            self.headers[:] = heads.with_host(self.headers, host)
        if version == "1.0":
            self.expect_100_continue = False
        super().on_headers_complete()
        if (cycle := self._cycle()) is not None:
            cycle.transport = cast("asyncio.Transport", AnswerTransport(self))

    def on_chunk_header(self) -> None:
        """Count a chunk, within their limit: the parser calls for each, so small ones cost more than what they carry."""
        self._chunks += 1
        if self._chunks > CHUNKS_MAX:
            self._fault = TooManyChunks(limit=CHUNKS_MAX)

    def on_body(self, body: bytes) -> None:
        """Pass a part of the body on."""
        if self._fault is not None:
            return
        self._untold_bytes = 0
        if self._expected is not None:
            self._expected -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note that the whole request has arrived."""
        if self._fault is not None:
            return
        self._coming, self._whole = None, True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Parse what waited for this answer."""
        super().on_response_complete()
        if self._ahead and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self._read_on()

    def _read_on(self) -> None:
        """Parse what has arrived, up to the end of a request that is not answered yet."""
        self._unset_keepalive_if_required()
        data, place = self._ahead, 0
        self._ahead = b""
        while place < len(data) and not self._waits() and self._accept(piece := self._piece(data, place)):
            place += len(piece)
        if not self._refused and not self.transport.is_closing() and place < len(data):
            self._ahead = data[place:]
            self.flow.pause_reading()

    def _waits(self) -> bool:
        """Return whether a whole request is being answered."""
        return self._coming is None and self._is_answering()

    def _is_answering(self) -> bool:
        """Return whether a request whose head has arrived is not answered completely."""
        cycle = self._cycle()
        return cycle is not None and not cycle.response_complete and self._lingering is None

    def _cycle(self) -> RequestResponseCycle | None:
        """Return the request that is being answered, or the last that was; None before the first."""
        return self.cycle

    def _piece(self, data: bytes, place: int) -> bytes:
        """Return the next piece. It ends with the head, with the body, or after PIECE_BYTES if neither end is known."""
        if self._coming == "body" and self._expected:
            return data[place : place + self._expected]
        if self._coming != "body":
            end = data.find(END_OF_HEAD, place, place + HEAD_BYTES_MAX)
            if end >= 0:
                return data[place : end + len(END_OF_HEAD)]
        return data[place : place + PIECE_BYTES]

    def _accept(self, piece: bytes) -> bool:
        """Parse one piece, and return whether the connection goes on."""
        if self._coming == "body":
            self._untold_bytes += len(piece)
            if not self._is_answering():
                self._unwanted_bytes += len(piece)
        else:
            self._head_bytes += len(piece)
            if self._head_bytes > HEAD_BYTES_MAX:
                self._fault = _head_too_large()
        if self._fault is None and not self.parse(piece) and self._fault is None:
            self.logger.warning("Invalid HTTP request received.")
            self._fault = Refused()
        if self._fault is None and self._untold_bytes - len(piece) > UNTOLD_BYTES_MAX:
            self._fault = Refused()
        if self._fault is not None:
            self._refuse(self._fault)
        elif self._unwanted_bytes > UNWANTED_BYTES_MAX:
            self._linger()
        return not self._refused and not self.transport.is_closing()

    def _refuse(self, error: DomainError) -> None:
        """Answer instead of the app, and read no more. An answer that is due to an earlier request is the last."""
        self._refused, self._ahead = True, b""
        if self._is_answering():
            if self._coming != "body" or self.cycle.response_started:
                self.cycle.keep_alive = False
                return
            self._answer_for_the_app(error)
        elif self._coming != "body":  # else the request is answered already
            method = self.parser.get_method().decode()
            self._write(error, {"headers": self.headers if self._begun else [], "method": method})
        self._linger()

    def end(self) -> None:
        """End the connection after its last answer. A client that is still sending is given time to read it."""
        if self._refused or self._coming is not None or self._ahead:
            self._linger()
        else:
            self.transport.close()

    def _linger(self) -> None:
        """Send no more, and drop what still arrives, until the client closes or its time is over."""
        self._refused, self._ahead = True, b""
        if self._lingering is None and not self.transport.is_closing():
            self.flow.resume_reading()
            with contextlib.suppress(OSError):  # the client has already gone
                self.transport.write_eof()
            self._lingering = self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def _answer_for_the_app(self, error: DomainError) -> None:
        """Answer the request whose body does not come as it should. The app learns that its client is gone."""
        scope = cast("Scope", self.cycle.scope)
        self._write(error, scope)
        scope[ANSWERED] = error.kind.value
        self.cycle.disconnected, self.cycle.waiting_for_100_continue = True, False
        self.cycle.message_event.set()

    def _write(self, error: DomainError, scope: Scope) -> None:
        """Write the problem document of a refusal, as the last answer of the connection."""
        more = {"Connection": "close", "Request-Id": problems.request_id(scope), **PLAIN_HEADERS}
        response: Response = problems.respond(error, scope, more)
        head = b"".join(name + b": " + value + b"\r\n" for name, value in response.raw_headers)
        body = b"" if scope.get("method") == "HEAD" else bytes(response.body)
        self.transport.write(STATUS_LINE[response.status_code] + head + b"\r\n" + body)


class AnswerTransport:
    """The transport that the answer to one request is written to. To close it ends the connection, with time to read."""

    def __init__(self, connection: BoundedHttp) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        """Write a part of the answer."""
        self._connection.transport.write(data)

    def is_closing(self) -> bool:
        """Return whether the connection is closed or closing."""
        return self._connection.transport.is_closing()

    def close(self) -> None:
        """End the connection."""
        self._connection.end()


def _head_too_large() -> HeadTooLarge:
    return HeadTooLarge(limit=HEAD_BYTES_MAX, fields=HEAD_FIELDS_MAX)
