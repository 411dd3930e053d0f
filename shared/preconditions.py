"""The precondition of a change: the versions of a row that its caller has seen. It is checked under the lock of the row."""

from dataclasses import dataclass

from shared.errors import DomainError, Kind


class PreconditionFailed(DomainError):
    """The row was changed since the caller has seen it."""

    kind, code = Kind.STALE, "precondition_failed"


@dataclass(frozen=True, slots=True)
class Precondition:
    """The versions of which a caller expects one to be the present version."""

    versions: frozenset[int] | None = None
    """None: any version."""

    def check(self, version: int) -> None:
        """Raise PreconditionFailed if this is the version of a locked row, and the caller expects another one."""
        if self.versions is not None and version not in self.versions:
            raise PreconditionFailed


ANY_VERSION = Precondition()
