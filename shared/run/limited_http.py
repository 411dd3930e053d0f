"""HTTP/1.1 with limits: for the time in which a client sends and reads, and for the connections of the process."""

import asyncio
import select
from asyncio import TimerHandle

from shared.http.problems import BodyLate, Unavailable
from shared.run.bounded_http import BoundedHttp, Part
from shared.run.places import Places

HEAD_SECONDS_MAX = 10.0
"""The most seconds from the first byte of a request's head to its last; for the first request, from connecting on."""
BODY_SECONDS_MAX = 60.0
"""The most seconds for its body after that: the largest body, 8 MiB of an import, arrives in time over 1.2 Mbit/s."""
TAKE_SECONDS_MAX = 30.0
"""The most seconds in which a client may read nothing of an answer that does not fit into the send buffer."""
TURNED_AWAY_MAX = 20
"""The most connections without a place that linger at once, because they take files that the process needs for other things."""
PATIENCE_SECONDS = 5.0
"""The seconds in which a client that sends a body or reads an answer need not give way to others."""


class LimitedHttp(BoundedHttp):
    """A connection on which every wait has a limit."""

    _awaited: tuple[Part, int] | None = None
    """The part, and the number of the request, that the deadline is for."""
    _deadline: TimerHandle | None = None
    _untaken: TimerHandle | None = None
    _since = 0.0
    """When the connection began to wait for its client as it does now."""

    @property
    def address(self) -> str:
        """Return the address that the client connects from."""
        return self.client[0] if self.client else ""

    @property
    def waits_since(self) -> float | None:
        """Return when it began to wait for its client; None while it works for it, or is patient with it."""
        if not self._is_answering():
            return self._since
        waits = self._coming == "body" or self._untaken is not None
        return self._since if waits and self.loop.time() > self._since + PATIENCE_SECONDS else None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, unless the process has too many on which it works."""
        super().connection_made(transport)
        self._since = self.loop.time()
        if PLACES.take(self):
            self._await("head")
        else:
            self._turn_away()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel all timers of the connection."""
        PLACES.leave(self)
        TURNED_AWAY.discard(self)
        self._await(None)
        self._cancel_untaken()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()

    def _turn_away(self) -> None:
        """Answer that there is no place. So many clients get the time to read it as the process has files for them."""
        self._write(Unavailable(), {"headers": ()})
        if len(TURNED_AWAY) < TURNED_AWAY_MAX:
            TURNED_AWAY.add(self)
            self._linger()
        else:
            self.transport.close()

    def give_way(self) -> bool:
        """Close the connection, unless its client has just asked something. Return whether it is closed."""
        if not self._is_answering() and self._has_bytes():
            return False
        self.transport.abort()
        return True

    def on_headers_complete(self) -> None:
        """Note when the head has arrived."""
        self._since = self.loop.time()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Note when the connection begins to rest."""
        self._since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Start the limit for a client that does not read its answer."""
        super().pause_writing()
        self._since = self.loop.time()
        self._untaken = self.loop.call_later(TAKE_SECONDS_MAX, self.transport.abort)

    def resume_writing(self) -> None:
        """End that limit, because the client reads again."""
        self._cancel_untaken()
        super().resume_writing()

    def _read_on(self) -> None:
        """Parse what has arrived, and set a deadline for the part that is missing."""
        self._whole = False
        super()._read_on()
        if self._refused or self.transport.is_closing() or self._waits():
            self._await(None)
        elif self._coming is not None:
            self._await(self._coming)
        elif self._whole:  # the answer was sent before the request ended
            self._await(None)
            self._rest()
        else:  # empty lines, which may come before a request
            self._await("head")

    def _rest(self) -> None:
        """Wait for the next request, for as long as connections may be idle."""
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _await(self, part: Part | None) -> None:
        """Set the deadline for this part of the request that is arriving, unless it is already set."""
        awaited = None if part is None else (part, max(self._begun, 1))
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
            return
        answering = self._is_answering()
        if part == "head" or (answering and self.cycle.response_started):
            self.transport.close()
            return
        if answering:
            self._answer_for_the_app(BodyLate(seconds=f"{BODY_SECONDS_MAX:g}"))
        self._linger()

    def _has_bytes(self) -> bool:
        """Return whether data has arrived that was not read."""
        if self.transport.is_closing():
            return False
        looking = select.poll()
        looking.register(self.transport.get_extra_info("socket").fileno(), select.POLLIN)
        return bool(looking.poll(0))

    def _cancel_untaken(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None


def _seconds_max(part: Part) -> float:
    return HEAD_SECONDS_MAX if part == "head" else BODY_SECONDS_MAX


PLACES: Places[LimitedHttp] = Places()
"""The connections of all servers of the process."""
TURNED_AWAY: set[LimitedHttp] = set()
"""Those without a place that still linger."""
