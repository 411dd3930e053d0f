"""The precondition of a change: the versions of a row that its caller has seen. It is checked under the lock of the row."""

from dataclasses import dataclass

from shared.errors import DomainError, Kind


class PreconditionFailed(DomainError):
    """The row was changed or deleted since the caller has seen it, or there is none; or there is one, and none was expected."""

    kind, code = Kind.STALE, "precondition_failed"


@dataclass(frozen=True, slots=True)
class Precondition:
    """The versions of which a caller expects one to be the present version."""

    versions: frozenset[int] | None = None
    """None: any version."""
    needs_row: bool = True
    """Whether a row that does not exist fails it."""
    needs_absence: bool = False
    """Whether a row that exists fails it."""

    def check(self, version: int | None) -> None:
        """Raise PreconditionFailed if the caller expects another version than this one of a locked row. None: there is no row."""
        if version is None:
            if self.needs_row:
                raise PreconditionFailed
        elif self.needs_absence or (self.versions is not None and version not in self.versions):
            raise PreconditionFailed


UNCONDITIONAL = Precondition(needs_row=False)
"""The caller expects nothing."""
PRESENT = Precondition()
"""The caller expects a row, with whatever version."""
