"""Begin to book: behind the locks, with what fell due booked first."""

from __future__ import annotations

from collections.abc import Iterable

from services.loyalty.domain import settling
from services.loyalty.domain.journal import Journal
from services.loyalty.domain.wallets import Member
from services.loyalty.storage import ids, lots
from services.loyalty.storage.wallets import Locked
from shared.db import Tx


async def open_journal(
    tx: Tx, locked: Locked, members: Iterable[Member], *, rows: int, all_lots: bool = False
) -> Journal:
    """A journal for these members, with ids for `rows` facts and lots, after booking what fell due by now.

    Lots are loaded for those who need them: where something is due or owed, or (`all_lots`) for everyone.
    """
    now, concerned = tx.now, {member.owner_id: member for member in members}
    needy = [each for each in concerned.values() if all_lots or each.owes() or each.is_due(now)]
    await lots.load_open(tx, locked, needy)
    journal = Journal(now, (await ids.reserve(tx, rows)).next)
    for member in concerned.values():
        settling.touch(journal, member)
    return journal
