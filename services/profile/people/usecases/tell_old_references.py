"""Tell other services of the external ids of customers that were registered before events told of them."""

from collections.abc import Sequence

from services.profile.people.steps.tell_references import tell_references
from services.profile.people.storage import identities
from services.profile.settings import Settings
from shared.context import Context
from shared.db import Tx, locks
from shared.events.base import Cause


async def tell_old_references(tx: Tx, context: Context[Settings], identity_ids: Sequence[str]) -> int:
    """Publish the references of these identities, which no event has told of. Return their number.

    An erased identity has no identifiers and no key, so nothing is published of it.
    """
    await locks.identities(tx, identity_ids)
    keys = identities.open_keys(context.vault, await identities.find(tx, identity_ids))
    causes = {identity_id: Cause(kind="upgrade", id=identity_id) for identity_id in identity_ids}
    await tell_references(tx, context.vault, keys, causes, also_none=False)
    return len(identity_ids)
