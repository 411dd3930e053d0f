"""Ids of ledger rows: taken in blocks behind the locks, so that they rise with time within a wallet."""

from __future__ import annotations

from services.loyalty.storage.tables import ledger_id
from shared.db import Slot, Tx, blocks


class Ids:
    """The ids this transaction has taken and not used yet."""

    def __init__(self) -> None:
        self._ranges: list[range] = []
        self._left = iter(range(0))
        self.count = 0

    def add(self, ranges: list[range]) -> None:
        """Put newly taken ids behind those that are left."""
        self._ranges += ranges
        self.count += sum(map(len, ranges))

    def next(self) -> int:
        """The next id; `reserve` must have been asked for enough."""
        assert self.count > 0, "reserve ids before using them"
        self.count -= 1
        value = next(self._left, None)
        while value is None:
            self._left = iter(self._ranges.pop(0))
            value = next(self._left, None)
        return value


_IDS: Slot[Ids] = Slot("loyalty.ids", Ids)


async def reserve(tx: Tx, count: int) -> Ids:
    """The transaction's ids, with at least `count` left; to be asked only behind the wallets' locks."""
    ids = tx.slot(_IDS)
    if ids.count < count:
        ids.add(await blocks.take(tx, ledger_id, count - ids.count))
    return ids


def forget(tx: Tx) -> None:
    """Leave what was taken before a lock unused: behind it there may be greater ids already."""
    tx.drop_slot(_IDS)
