"""The refusals of transfers."""

from __future__ import annotations

from shared.errors import DomainError, Kind


class UnknownTransfer(DomainError):
    """The member gave or got no points by a transfer with this id."""

    kind = Kind.NOT_FOUND
    code = "transfer_not_found"


class UnknownReceiver(DomainError):
    """Nobody whom the caller may name has this id, or the receiver was erased."""

    kind = Kind.NOT_FOUND
    code = "receiver_not_found"


class TransferToSelf(DomainError):
    """Sender and receiver are one member, maybe since a merge."""

    kind = Kind.CONFLICT
    code = "transfer_to_self"


class TransfersNotAllowed(DomainError):
    """The programme does not let members give points."""

    kind = Kind.CONFLICT
    code = "transfers_not_allowed"


class TransferTooSmall(DomainError):
    """Fewer points than the programme lets a member give at once."""

    kind = Kind.CONFLICT
    code = "transfer_too_small"


class TransferTooLarge(DomainError):
    """More points than the programme lets a member give at once."""

    kind = Kind.CONFLICT
    code = "transfer_too_large"


class TransferLimitReached(DomainError):
    """The member would give more points in one calendar day or month than the programme allows."""

    kind = Kind.CONFLICT
    code = "transfer_limit_reached"
