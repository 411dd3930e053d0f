"""The events of its own that a service need not know, because it has accepted that its database had lost them."""

from collections.abc import Sequence

import pytest

from shared.outbox.tables import AcceptedLossRecord, Loss
from shared.run.event_verification import _forgotten
from tests.shared.ledger import AT, PLACE


@pytest.mark.parametrize(
    ("losses", "below"),
    [
        ([], {}),
        ([("database", 100)], {PLACE: 100}),
        ([("database", 100), ("database", 120)], {PLACE: 120}),
        ([("bus", 50)], {}),
        ([("bus", 50), ("database", 100)], {PLACE: 100}),
        ([("database", 100), ("position", 3), ("bus", 50)], {PLACE: 50}),
        ([("database", 100), ("bus", 50), ("bus", 70)], {PLACE: 50}),
        ([("database", 100), ("bus", 50), ("database", 60)], {PLACE: 60}),
    ],
)
def test_other_events_stand_where_the_bus_has_lost_those_that_a_database_does_not_know(
    losses: Sequence[tuple[Loss, int]], below: dict[object, int]
) -> None:
    records = [
        AcceptedLossRecord(number, loss, *PLACE, known=0, found=end, accepted_at=AT)
        for number, (loss, end) in enumerate(losses)
    ]
    assert _forgotten(records[::-1]) == below
