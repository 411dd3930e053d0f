"""The job that runs fits, one after the other, each in a worker process of its own."""

import asyncio
import os
import sys
from pathlib import Path

from services.scoring.models.domain.fit import Fit
from services.scoring.models.domain.training import Outcome
from services.scoring.models.jobs.fit_worker import FitOrder
from services.scoring.models.usecases.begin_fit import begin_fit
from services.scoring.models.usecases.publish_model import publish_model
from services.scoring.settings import Settings
from shared import logs
from shared.context import Runtime

FIT_SECONDS_MAX = 900
FITS_MAX = 20
"""Fits of one run of the job."""
ROOT = Path(__file__).resolve().parents[4]
log = logs.named(__name__, keys=("code", "count", "kind", "model_version", "status"))


async def run_fits(runtime: Runtime[Settings]) -> int:
    """Run the fits that wait; return how many ended. A fit that was cut off by a restart begins again.

    The job has a transaction before and one after each worker process: none is open while a worker computes.
    """
    for ended in range(FITS_MAX):
        async with runtime.database.begin() as tx:
            fit = await begin_fit(tx)
        if fit is None:
            return ended
        outcome = await _in_worker(runtime, fit)
        async with runtime.database.begin() as tx:
            model = await publish_model(tx, runtime.context, fit, outcome)
        log.info(
            "a fit ended",
            kind=fit.kind,
            count=outcome.customers,
            code=outcome.failure,
            model_version=model.version if model else None,
            status=model.status if model else "failed",
        )
    return FITS_MAX


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
