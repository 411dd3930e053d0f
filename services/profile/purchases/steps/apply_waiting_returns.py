"""Apply the returns that waited for purchases, in the transaction that records the purchases."""

from collections.abc import Mapping

from services.profile.purchases.domain.purchases import OrderKey
from services.profile.purchases.refusals import ReturnNotPossible
from services.profile.purchases.steps.apply_returns import apply_returns
from services.profile.purchases.storage import returns, waiting_returns
from services.profile.purchases.storage.tables import PurchaseRecord
from services.profile.purchases.storage.waiting_returns import ParkedReturn
from shared.consume.set_aside import Reason
from shared.context import Context
from shared.db import Tx

_RECORDED_BEFORE = Reason("return_conflict", "A return with this id is recorded already.")


async def apply_waiting_returns(tx: Tx, context: Context, new: Mapping[OrderKey, PurchaseRecord]) -> None:
    """Apply the returns that waited for these new purchases; hand those that do not fit to the operators."""
    released = await waiting_returns.release(tx, context.vault, new)
    recorded = set(await returns.find(tx, (parked.waiting.key for parked in released)))
    fitting: list[ParkedReturn] = []
    for parked in released:
        waiting = parked.waiting
        if waiting.key in recorded:
            await waiting_returns.hand_to_operators(tx, parked, _RECORDED_BEFORE)
        else:
            recorded.add(waiting.key)
            fitting.append(parked)
    if not fitting:
        return
    answers = await apply_returns(tx, context, [parked.waiting for parked in fitting], new)
    for parked, answer in zip(fitting, answers, strict=True):
        if isinstance(answer, ReturnNotPossible):
            await waiting_returns.hand_to_operators(tx, parked, Reason(answer.code, answer.detail("en")))
