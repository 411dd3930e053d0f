"""Jobs: long work that a caller asks for by an operation, follows, and may cancel.

    async def export_purchases(tx, caller, body):
        return await jobs.begin(tx, context.vault, EXPORT.operation, caller, parameters=body.model_dump_json())

A worker under the lease of the service does it chunk by chunk (`shared/jobs/working.py`).
"""

from shared.jobs.kinds import Held, ItemError, JobKind, Prepared, ResultFile, Step
from shared.jobs.storage import begin, cancel, find, piece_of
from shared.jobs.tables import JobRecord

__all__ = [
    "Held",
    "ItemError",
    "JobKind",
    "JobRecord",
    "Prepared",
    "ResultFile",
    "Step",
    "begin",
    "cancel",
    "find",
    "piece_of",
]
