"""A complaint is updated by what belongs to it and is not part of its case, such as a remedy."""

from collections.abc import Iterable

from services.feedback.complaints.storage import complaints
from shared.db import Tx


async def mark_updated(tx: Tx, complaint_ids: Iterable[str]) -> None:
    """Note that something of these complaints has changed. The caller has locked them.

    Their versions stay, because no action on a complaint depends on what has changed.
    """
    await complaints.mark_updated(tx, sorted(set(complaint_ids)))
