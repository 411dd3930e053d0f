"""Each consumer's lock holds all that its batch names before the first wave, whatever the types of the events."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from services.loyalty.ledger.steps.lock_wallets import LOCKED
from shared.clock import SystemClock
from shared.context import Context
from shared.db import Tx
from shared.events.base import Cause, Event
from shared.events.profile import CustomerErased, CustomerMerged, CustomerRegistered
from shared.identity.register import OWNERS
from shared.ids import new_id
from shared.vault import open_vault
from tests.parts import databases
from tests.shared.ledger import AT, purchase, return_of


def _identities(tx: Tx) -> Iterable[str]:
    return tx.slot(OWNERS)


def _wallets(tx: Tx) -> Iterable[str]:
    return tx.slot(LOCKED).wallets


HELD: dict[str, Callable[[Tx], Iterable[str]]] = {
    "loyalty": _wallets,
    "feedback": _identities,
    "scoring": _identities,
}


def batch() -> list[Event]:
    who = [new_id("cus") for _ in range(6)]
    facts: dict[str, Any] = {"occurred_at": AT, "cause": Cause(kind="link", id="lnk_1")}
    return [
        purchase(who[0]),
        return_of(purchase(who[1])),
        CustomerRegistered(identity_id=who[2], customer_id=who[2], origin="api", **facts),
        CustomerMerged(
            identity_id=who[3], customer_id=who[4], former_customer_id=who[3], link_id=new_id("lnk"),
            ownership_version=1, decided_by="person", **facts,
        ),
        CustomerErased(identity_id=who[5], customer_id=who[5], erasure_id=new_id("era"), **facts),
    ]  # fmt: skip


@pytest.mark.parametrize("name", HELD)
async def test_everyone_whom_a_batch_names_is_locked_before_its_first_wave(
    kind: databases.Kind, name: str, tmp_path: Path
) -> None:
    service = databases.service_of(name, tmp_path)
    (consumer,) = service.handlers
    context = Context(service.settings, open_vault(tmp_path, name), SystemClock())
    events = batch()
    async with databases.fresh(kind, name, folder=tmp_path) as database, database.begin() as tx:
        await consumer.lock(tx, context, events)
        assert set(HELD[name](tx)) >= {identity for event in events for identity in event.identities}
