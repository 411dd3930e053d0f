"""Who gets a place for a connection, and who gives way."""

from dataclasses import dataclass, field

import pytest

from shared.run import places
from shared.run.places import ADDRESS_SHARE, Places

SHARE = 3


@dataclass(eq=False)
class Caller:
    address: str
    waits_since: float | None = 0.0
    asks: bool = False
    closed: bool = field(default=False)

    def give_way(self) -> bool:
        self.closed = not self.asks
        return self.closed


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Places[Caller]:
    monkeypatch.setattr(places, "CONNECTIONS_MAX", SHARE * ADDRESS_SHARE)
    return Places()


def entered(room: Places[Caller], *callers: Caller) -> list[bool]:
    return [room.take(caller) for caller in callers]


def test_one_address_cannot_take_the_places_of_the_others(room: Places[Caller]) -> None:
    greedy = [Caller("a", float(second)) for second in range(SHARE + 2)]
    entered(room, *greedy)
    others = [Caller(address, None) for address in "bcd"]

    assert entered(room, *others) == [True] * 3
    assert [caller.closed for caller in greedy] == [True, True, False, False, False]


def test_when_all_are_at_work_a_further_one_is_refused(room: Places[Caller]) -> None:
    entered(room, *(Caller(address, None) for address in "abcdef"))

    assert entered(room, Caller("g")) == [False]
    assert len(room) == SHARE * ADDRESS_SHARE


def test_the_one_that_has_waited_longest_gives_way_whoever_it_is(room: Places[Caller]) -> None:
    callers = [Caller(address, since) for address, since in zip("abcdef", (4, 2, None, 3, 9, 8), strict=True)]
    entered(room, *callers)

    assert entered(room, Caller("g")) == [True]
    assert [caller.address for caller in callers if caller.closed] == ["b"]


def test_who_has_just_asked_does_not_give_way(room: Places[Caller]) -> None:
    callers = [Caller(address, float(place), asks=place == 0) for place, address in enumerate("abcdef")]
    entered(room, *callers)

    assert entered(room, Caller("g")) == [True]
    assert [caller.address for caller in callers if caller.closed] == ["b"]


def test_a_place_that_was_left_is_free(room: Places[Caller]) -> None:
    callers = [Caller(address, None) for address in "abcdef"]
    entered(room, *callers)
    room.leave(callers[0])
    room.leave(callers[0])

    assert entered(room, Caller("g", None), Caller("h")) == [True, False]
