"""The rulebooks: opened once, and read once per transaction. A process keeps the compiled documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from services.loyalty.earning.domain.compiling import CompiledRulebook
from services.loyalty.earning.domain.document import canonical
from services.loyalty.earning.domain.progress import Starts
from services.loyalty.earning.domain.rulebook import Rulebooks, default_rulebook
from services.loyalty.earning.storage import compiled, rulebooks
from services.loyalty.ledger.domain.documents import hash_of
from services.loyalty.ledger.domain.programme import Programme
from services.loyalty.ledger.steps.programme import lock_programme, open_programme
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Slot, Tx

_RULEBOOKS: Slot[list[Rulebooks]] = Slot("loyalty.rulebooks", list)
"""The rulebooks as this transaction has read them: a list of one, empty before."""


async def open_rulebooks(tx: Tx, programme: Programme) -> None:
    """Store the default rulebook of a programme, unless it has rulebooks."""
    if not await _read(tx):
        await rulebooks.add(tx, default_rulebook(programme.currency))


async def lock_rulebooks(tx: Tx, context: Context[Settings]) -> None:
    """Lock the programme, under which rulebooks and drafts are written. A new installation opens both first."""
    programme = await open_programme(tx, context)
    await lock_programme(tx)
    await open_rulebooks(tx, programme)


async def restart_rulebooks(tx: Tx, currency: str) -> None:
    """Let the default rules of a new installation count in another currency. Rules that somebody published stay as they are.

    The programme is locked, and nothing is booked.
    """
    held = await _read(tx)
    if not held or len(held[0].versions) > 1:
        return
    (first,) = held[0].versions
    fresh = default_rulebook(currency)
    if first.hash == hash_of(canonical(fresh.document)):
        return
    await rulebooks.withdraw(tx, first.version, tx.now)
    await rulebooks.add(tx, replace(fresh, version=first.version + 1))
    held.clear()


async def current_rulebooks(tx: Tx) -> Rulebooks:
    """Return the rulebooks; a transaction reads them once."""
    held = await _read(tx)
    assert held, "the lock of a batch opens the rulebooks before they are asked for"
    return held[0]


async def compiled_rulebooks(tx: Tx, numbers: Iterable[int]) -> dict[int, CompiledRulebook]:
    """Return the rulebooks of these versions, compiled."""
    return await compiled.load(tx, (await current_rulebooks(tx)).versions, numbers)


async def goal_starts(tx: Tx) -> Starts:
    """Return the begin of every goal."""
    return await compiled.starts_of(tx, await current_rulebooks(tx))


async def _read(tx: Tx) -> list[Rulebooks]:
    held = tx.slot(_RULEBOOKS)
    if not held and (versions := await rulebooks.versions(tx)):
        held.append(Rulebooks(versions))
    return held
