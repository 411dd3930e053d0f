"""Import opening balances: bring those of one piece of a file."""

from __future__ import annotations

from collections.abc import Sequence

from services.loyalty.openings.domain.openings import Opening
from services.loyalty.openings.usecases.bring_openings import bring_openings
from services.loyalty.settings import Settings
from shared.context import Context
from shared.db import Tx
from shared.files.importing import import_entries
from shared.files.imports import Recorded, Refused, RequestReader
from shared.jobs import Held, Step


async def import_openings(
    tx: Tx, context: Context[Settings], held: Held, *, reader: RequestReader[Opening]
) -> Step:
    """Bring the opening balances of the next piece of a file, and say what has become of each."""

    async def record(reported: Sequence[Opening]) -> list[Recorded | Refused]:
        return await bring_openings(tx, context, reported, issuer=held.issuer)

    return await import_entries(tx, held, reader, record)
