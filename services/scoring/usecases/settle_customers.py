"""What holds of customers whose identities were moved or wiped."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from services.scoring.storage import statements, states
from services.scoring.usecases.refold_customers import refold_customers
from services.scoring.usecases.restate_customers import restate_customers
from shared.db import Tx
from shared.events.base import Cause


async def settle_customers(tx: Tx, causes: Mapping[str, Cause], zone: ZoneInfo) -> None:
    """Forget those of whom nothing is left, fold the others again and say what holds of them; `causes` by customer."""
    gone = await states.gone(tx, causes)
    await states.forget(tx, gone)
    await statements.forget(tx, gone)
    left = {customer_id: causes[customer_id] for customer_id in sorted(causes.keys() - set(gone))}
    await states.lock(tx, left)
    await refold_customers(tx, left)
    await restate_customers(tx, left, "ownership", zone)
