"""The complaints that a list shows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintSelection:
    """The complaints that a list shows. None does not restrict."""

    identity_ids: Sequence[str] | None = None
    status: str | None = None
    open_only: bool = False
    """Whether to leave out what is closed."""
    owner: str | None = None
    number: str | None = None
    channel: str | None = None
    opened_by: str | None = None
    opened_by_id: str | None = None
    due_before: datetime | None = None
    due_from: datetime | None = None
    updated_since: datetime | None = None

    def late_at(self, now: datetime, *, late: bool | None) -> Self:
        """Return the part of the selection that is late at this instant (True) or is not (False). None: all of it.

        A complaint is late when its due time has passed.
        """
        if late is None:
            return self
        if not late:
            return replace(self, due_from=now)
        return replace(self, due_before=now if self.due_before is None else min(now, self.due_before))
