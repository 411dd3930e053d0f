"""Refusals that concern the member themselves."""

from __future__ import annotations

from shared.errors import DomainError, Kind


class UnknownMember(DomainError):
    """Nobody of this id has been heard of, or they were erased."""

    kind = Kind.NOT_FOUND
    code = "member_not_found"


class KeyUsedBefore(DomainError):
    """The Idempotency-Key made a ledger fact long ago; its stored answer is gone, the fact is not."""

    kind = Kind.CONFLICT
    code = "key_used_before"
