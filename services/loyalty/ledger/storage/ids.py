"""Ids of ledger rows: taken in blocks after the locks, so that they rise with time within a wallet."""

from __future__ import annotations

from services.loyalty.ledger.storage.tables import ledger_id
from shared.db import Slot, Tx, blocks


class Ids:
    """The ids that this transaction has taken and not used yet."""

    def __init__(self) -> None:
        self._ranges: list[range] = []
        self._current = iter(range(0))
        self.count = 0

    def add(self, ranges: list[range]) -> None:
        """Put newly taken ids behind those that are left."""
        self._ranges += ranges
        self.count += sum(map(len, ranges))

    def next(self) -> int:
        """Return the next id; `reserve` must have been asked for enough."""
        assert self.count > 0, "reserve ids before using them"
        self.count -= 1
        value = next(self._current, None)
        while value is None:
            self._current = iter(self._ranges.pop(0))
            value = next(self._current, None)
        return value


_IDS: Slot[Ids] = Slot("loyalty.ids", Ids)


async def reserve(tx: Tx, count: int) -> Ids:
    """Return the transaction's ids, with at least `count` left. Ask only after the wallets are locked."""
    ids = tx.slot(_IDS)
    if ids.count < count:
        ids.add(await blocks.take(tx, ledger_id, count - ids.count))
    return ids


def forget(tx: Tx) -> None:
    """Leave ids unused that were taken before a lock: after the lock there may be greater ids already."""
    tx.drop_slot(_IDS)
