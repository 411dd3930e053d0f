"""HTTP/1.1 with limits: for the time in which a client sends and reads, and for the connections of the process."""

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
"""The most seconds from the first byte of a request's head to its last."""
BODY_SECONDS_MAX = 30.0
"""The most seconds for its body after that: the largest body, 4 MiB, arrives in time over 1.2 Mbit/s."""
TAKE_SECONDS_MAX = 30.0
"""The most seconds in which a client may read nothing of an answer that does not fit into the send buffer."""
CONNECTIONS_MAX = 1_000
"""The most connections of all servers of the process. A further client is told to come again."""
DESCRIPTORS_PERCENT_MAX = 80
"""The share of the process's open files that may be connections: it needs files for other things."""

Part = Literal["head", "body"]


class LimitedHttp(PlainHttp):
    """A connection on which every wait has a limit."""

    _coming: Part | None = None
    """The part of a request that has begun to arrive and is not complete."""
    _begun = 0
    """The number of requests that have begun to arrive."""
    _whole = False
    """Whether the last piece of data completed a request."""
    _awaited: tuple[Part, int] | None = None
    """The part, and the number of the request, that the deadline is for."""
    _deadline: TimerHandle | None = None
    _untaken: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, unless the process has too many."""
        super().connection_made(transport)
        _connected.add(self)
        if len(_connected) > _places():
            self._refuse(Unavailable(), {"headers": (), REQUEST_ID: new_id("req")})
        else:
            self._rest()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel all timers of the connection."""
        _connected.discard(self)
        self._await(None)
        self._cancel_untaken()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def data_received(self, data: bytes) -> None:
        """Parse the data, and set a deadline for the part that is missing."""
        self._whole = False
        super().data_received(data)
        if self.transport.is_closing() or (self._coming is None and self._is_answering()):
            self._await(None)
        elif self._coming is not None:
            self._await(self._coming)
        elif self._whole:  # the answer was sent before the request ended
            self._await(None)
            self._rest()
        else:  # empty lines, which may come before a request
            self._await("head")

    def on_message_begin(self) -> None:
        """Note that the first byte of a request has arrived."""
        self._coming, self._begun = "head", self._begun + 1
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that the head of the request has arrived."""
        self._coming = "body"
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the whole request has arrived."""
        self._coming, self._whole = None, True
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Start the limit for a client that does not read its answer."""
        super().pause_writing()
        self._untaken = self.loop.call_later(TAKE_SECONDS_MAX, self.transport.abort)

    def resume_writing(self) -> None:
        """End that limit, because the client reads again."""
        self._cancel_untaken()
        super().resume_writing()

    def _is_answering(self) -> bool:
        """Return whether a request whose head has arrived is not answered completely."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _rest(self) -> None:
        """Wait for the next request, for as long as connections may be idle."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _await(self, part: Part | None) -> None:
        """Set the deadline for this part of the request that is arriving, unless it is already set."""
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
        """Give up the request, unless this side causes the wait: an earlier answer is due, or the app reads no body."""
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
        """Answer instead of the app, and close the connection."""
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
    """Return how many connections the process may have."""
    files_max, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files_max == resource.RLIM_INFINITY:
        return CONNECTIONS_MAX
    return min(CONNECTIONS_MAX, files_max * DESCRIPTORS_PERCENT_MAX // 100)


_connected: WeakSet[LimitedHttp] = WeakSet()
