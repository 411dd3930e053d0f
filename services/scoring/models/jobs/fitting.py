"""The kind of job that makes a fit: a worker process computes it, and its outcome is stored as a version."""

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path

from services.scoring.models.domain.fit import Fit
from services.scoring.models.domain.training import Computation, Outcome
from services.scoring.models.jobs.fit_worker import FitOrder
from services.scoring.models.queries.fits import find_fit
from services.scoring.models.usecases.end_fit import end_fit
from services.scoring.models.usecases.publish_model import publish_model
from services.scoring.models.usecases.request_fit import OPERATION
from services.scoring.settings import Settings
from shared import jobs, logs
from shared.catalogues import field_sentence
from shared.context import Context, Runtime
from shared.db import Tx
from shared.jobs import Held, ItemError, JobKind, Prepared, Step

FIT_SECONDS_MAX = 900
ROOT = Path(__file__).resolve().parents[4]
log = logs.named(__name__, keys=("code", "count", "kind", "model_version", "status"))

_FAILURES = {
    failure: field_sentence(__name__, failure) for failure in ("no_customers", "timed_out", "worker_failed")
}


async def compute(runtime: Runtime[Settings], held: Held, _: object) -> Prepared:
    """Compute a fit in a worker process. No transaction is open meanwhile, and the process ends when the job is cancelled."""
    asked = Computation.model_validate_json(held.parameters)
    async with runtime.database.read() as read:
        result = await find_fit(read, asked.fit_id)
    assert result is not None, "a fit is stored with its job"
    computed = asked.model_copy(update={"outcome": await _in_worker(runtime, result.fit)})
    return Prepared(parameters=computed.model_dump_json(), total=1)


async def publish(tx: Tx, context: Context[Settings], held: Held) -> Step:
    """Store the outcome of a fit as a version."""
    computed = Computation.model_validate_json(held.parameters)
    result, job = await find_fit(tx, computed.fit_id), await jobs.find(tx, held.id)
    assert result is not None, "a fit is stored with its job"
    assert job is not None, "the row of the job is locked"
    assert computed.outcome is not None, "a fit is computed before its first chunk"
    fit, outcome = replace(result.fit, started_at=job.started_at), computed.outcome
    model = await publish_model(tx, context, fit, outcome)
    log.info(
        "a fit ended",
        kind=fit.kind,
        count=outcome.customers,
        code=outcome.failure,
        model_version=model.version if model else None,
        status=model.status if model else "failed",
    )
    if outcome.failure is None:
        return Step(cursor=held.cursor, finished=True, done=1)
    error = ItemError.of(0, "", _FAILURES[outcome.failure])
    return Step(cursor=held.cursor, finished=True, failed=1, errors=[error])


async def _in_worker(runtime: Runtime[Settings], fit: Fit) -> Outcome:
    order = FitOrder(
        database_url=runtime.database.url,
        kind=fit.kind,
        currency=fit.currency,
        until=fit.until,
        zone=runtime.context.settings.zone,
        round_days=fit.round_days,
    )
    # One thread: the maths is small, and a pool of BLAS threads would take the cores of the serving processes.
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.scoring.models.jobs.fit_worker",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip
    try:
        async with asyncio.timeout(FIT_SECONDS_MAX):
            output, trace = await worker.communicate(order.model_dump_json().encode())
    except TimeoutError:
        return Outcome(parameters=None, failure="timed_out")
    finally:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()
    if worker.returncode != 0:
        log.error(
            "a fit's worker failed",
            kind=fit.kind,
            code=str(worker.returncode),
            where=trace.decode().splitlines(),
        )
        return Outcome(parameters=None, failure="worker_failed")
    return Outcome.model_validate_json(output)


FIT = JobKind(operation=OPERATION, prepare=compute, step=publish, stopped=end_fit)
