"""Refusals of operations on jobs."""

from shared.errors import DomainError, Kind
from shared.jobs.limits import OPEN_MAX


class JobNotFound(DomainError):
    """There is no job with this id that the caller may see."""

    kind, code = Kind.NOT_FOUND, "job_not_found"


class JobEnded(DomainError):
    """The job has ended, so it cannot be cancelled."""

    kind, code = Kind.CONFLICT, "job_ended"


class JobNotDone(DomainError):
    """The job has not made its result yet, or ended without one."""

    kind, code = Kind.CONFLICT, "job_not_done"


class TooManyJobs(DomainError):
    """The caller has too many jobs that have not ended."""

    kind, code = Kind.TOO_MANY, "too_many_jobs"
    constants = {"limit": OPEN_MAX}
    retry_after_seconds = 60
