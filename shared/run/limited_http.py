"""HTTP/1.1 with limits: of the time a client may take to ask or to listen, and of the connections of the process."""

import asyncio
import resource
from asyncio import TimerHandle
from typing import Literal, cast
from weakref import WeakSet

from fastapi import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from shared.errors import DomainError
from shared.http import problems
from shared.http.problems import ANSWERED, REQUEST_ID, BodyLate, Scope, Unavailable
from shared.ids import new_id
from shared.run.plain_http import PlainHttp

HEAD_SECONDS_MAX = 10.0
"""How long a request's head may take from its first byte to its last."""
BODY_SECONDS_MAX = 30.0
"""How long its body may take from then on: 4 MiB, the largest, come in time over 1.2 Mbit/s."""
TAKE_SECONDS_MAX = 30.0
"""How long a client may take nothing of an answer that is too long to be sent at once."""
CONNECTIONS_MAX = 1_000
"""Of all servers of the process together; who comes after them is told to come again."""
DESCRIPTORS_PERCENT_MAX = 80
"""How much of the files that the system lets the process open may be connections: it opens others, too."""

Part = Literal["head", "body"]


class LimitedHttp(PlainHttp):
    """A connection that waits for nothing without an end."""

    _coming: Part | None = None
    """The part of a request that has begun to come in and is not whole."""
    _begun = 0
    """Requests that have begun to come in."""
    _whole = False
    """Whether a request came to its end with the last piece of data."""
    _awaited: tuple[Part, int] | None = None
    """What the deadline is for: a part, and of which request."""
    _deadline: TimerHandle | None = None
    _untaken: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, if there is a place for it."""
        super().connection_made(transport)
        _connected.add(self)
        if len(_connected) > _places():
            self._refuse(Unavailable(), {"headers": (), REQUEST_ID: new_id("req")})
        else:
            self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave nothing behind that would call."""
        _connected.discard(self)
        self._await(None)
        self._cancel_untaken()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        """Parse what has come, and see what is missing."""
        self._whole = False
        super().data_received(data)
        if self.transport.is_closing() or (self._coming is None and self._is_answering()):
            self._await(None)
        elif self._coming is not None:
            self._await(self._coming)
        elif self._whole:  # its answer has not waited for its end
            self._await(None)
            self._rest()
        else:  # empty lines, which may come before a request
            self._await("head")

    def on_message_begin(self) -> None:
        """Its first byte is there."""
        self._coming, self._begun = "head", self._begun + 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._coming = "body"
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of it is there."""
        self._coming, self._whole = None, True
        super().on_message_complete()

    def pause_writing(self) -> None:
        """More of an answer waits to be taken than should."""
        super().pause_writing()
        self._untaken = self.loop.call_later(TAKE_SECONDS_MAX, self.transport.abort)

    def resume_writing(self) -> None:
        """The client takes it."""
        self._cancel_untaken()
        super().resume_writing()

    def _is_answering(self) -> bool:
        """Whether an answer is due whose request's head has come in."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _rest(self) -> None:
        """Wait for the next request, as long as connections may rest."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _await(self, part: Part | None) -> None:
        """Have a deadline for this part of the request that comes in, unless it has one."""
        awaited = None if part is None else (part, self._begun)
        if awaited == self._awaited:
            return
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._awaited = awaited
        if part is not None:
            self._deadline = self.loop.call_later(_seconds_max(part), self._late, part)

    def _late(self, part: Part) -> None:
        """Give the request up, unless what keeps it is this side: an answer before it, or a body that nobody reads."""
        if self.flow.read_paused or (part == "head" and self._is_answering()):
            self._deadline = self.loop.call_later(_seconds_max(part), self._late, part)
        elif self._is_answering() and not self.cycle.response_started:
            error = BodyLate(seconds=f"{BODY_SECONDS_MAX:g}")
            self._refuse(error, cast("Scope", self.cycle.scope))
            cast("Scope", self.cycle.scope)[ANSWERED] = error.kind.value
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        else:
            self.transport.close()

    def _refuse(self, error: DomainError, scope: Scope) -> None:
        """Answer in the place of the app, and close."""
        response: Response = problems.respond(error, scope, {"Connection": "close"})
        head = b"".join(name + b": " + value + b"\r\n" for name, value in response.raw_headers)
        self.transport.write(STATUS_LINE[response.status_code] + head + b"\r\n" + bytes(response.body))
        self.transport.close()

    def _cancel_untaken(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None


def _seconds_max(part: Part) -> float:
    return HEAD_SECONDS_MAX if part == "head" else BODY_SECONDS_MAX


def _places() -> int:
    """How many connections the process may have."""
    files_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files_max == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return min(CONNECTIONS_MAX, files_max * DESCRIPTORS_PERCENT_MAX // 100)


_connected: WeakSet[LimitedHttp] = WeakSet()
