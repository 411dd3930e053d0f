"""What a transaction's slots hold after savepoints that succeed and savepoints that fail."""

from shared.db.slots import Slot, Slots

DROPPED: Slot[list[str]] = Slot("dropped", list)
COPIED: Slot[list[str]] = Slot("copied", list, snapshot=list)


def test_a_value_is_made_once_per_transaction() -> None:
    slots = Slots()
    slots.value(DROPPED).append("a")

    assert slots.value(DROPPED) == ["a"]
    assert Slots().value(DROPPED) == []


def test_a_failed_savepoint_drops_a_value_that_was_asked_for_inside() -> None:
    slots = Slots()
    slots.value(DROPPED).append("before")
    saved = slots.begin()
    slots.value(DROPPED).append("inside")
    slots.restore(saved)

    assert slots.value(DROPPED) == []


def test_a_failed_savepoint_leaves_a_value_that_was_not_asked_for_inside() -> None:
    slots = Slots()
    slots.value(DROPPED).append("before")
    saved = slots.begin()
    slots.restore(saved)

    assert slots.value(DROPPED) == ["before"]


def test_a_failed_savepoint_puts_a_snapshot_back() -> None:
    slots = Slots()
    slots.value(COPIED).append("before")
    saved = slots.begin()
    slots.value(COPIED).append("inside")
    slots.restore(saved)

    assert slots.value(COPIED) == ["before"]


def test_a_failed_savepoint_drops_a_value_that_was_made_inside() -> None:
    slots = Slots()
    saved = slots.begin()
    slots.value(COPIED).append("inside")
    slots.restore(saved)

    assert slots.value(COPIED) == []


def test_a_savepoint_that_succeeds_keeps_its_values() -> None:
    slots = Slots()
    slots.value(COPIED).append("before")
    saved = slots.begin()
    slots.value(COPIED).append("inside")
    slots.keep(saved)

    assert slots.value(COPIED) == ["before", "inside"]


def test_an_outer_savepoint_undoes_what_an_inner_one_had_kept() -> None:
    slots = Slots()
    slots.value(COPIED).append("before")
    outer = slots.begin()
    inner = slots.begin()
    slots.value(COPIED).append("inside")
    slots.value(DROPPED).append("inside")
    slots.keep(inner)
    slots.restore(outer)

    assert slots.value(COPIED) == ["before"]
    assert slots.value(DROPPED) == []
