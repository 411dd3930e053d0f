"""The number of files that a process may have open, which the databases, the log and the connections need."""

import resource

from shared.settings import BadSetting
from shared.speech import words

OPEN_FILES_MIN = 128
"""The limit that a process needs at least. Under load it needs one more for each connection."""


def require_open_files() -> None:
    """Refuse to start with a lower limit than OPEN_FILES_MIN, before anything is opened. Raises BadSetting."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit != resource.RLIM_INFINITY and limit < OPEN_FILES_MIN:
        raise BadSetting(words(__name__, "too_few_open_files", limit=limit, needed=OPEN_FILES_MIN))
