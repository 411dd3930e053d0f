"""The limits of jobs."""

from datetime import timedelta

CHUNK_ITEMS_MAX = 500
"""Items of one chunk, which is one transaction."""
CHUNKS_AT_ONCE = 20
"""Chunks of one job before the next job has its turn: a long job holds up no short one."""
TURNS_MAX = 4
"""Turns of jobs in one run of the worker. Then it rests as long as it worked, so requests have at least half of the time."""
EVERY_SECONDS = 1.0
"""The worker looks for jobs once in so many seconds."""
LEASE = timedelta(seconds=30)
"""The time for which a worker holds a job after each chunk. A job whose worker died waits for so long."""
KEEP_EVERY_SECONDS = LEASE.total_seconds() / 3
"""The lease is prolonged so often while the work before the first chunk runs. A job that is cancelled meanwhile stops then."""
ATTEMPTS_MAX = 5
"""Attempts at one chunk. After that the job has failed."""
BACKOFF_SECONDS = 1
"""The wait after the first failed attempt; it doubles with each further one."""
ERRORS_MAX = 10_000
"""Errors of one job that are kept. Further ones are counted only."""
OPEN_MAX = 20
"""Jobs of one principal that have not ended."""
KEPT = timedelta(days=7)
"""The time for which a job, its errors and its result can be read after its end."""
PRUNE_PAGE = 500
"""Pieces, and errors, that one transaction deletes."""
