"""The refusals of approvals."""

from shared.errors import DomainError, Kind

OPEN_MAX = 100
"""The largest number of open proposals of one operator."""


class UnknownApproval(DomainError):
    """There is no approval with this id."""

    kind, code = Kind.NOT_FOUND, "approval_not_found"


class OwnProposal(DomainError):
    """The operator that proposed it cannot decide about it."""

    kind, code = Kind.FORBIDDEN, "own_proposal"


class OthersProposal(DomainError):
    """Only the operator that proposed it can withdraw it."""

    kind, code = Kind.FORBIDDEN, "others_proposal"


class ApprovalClosed(DomainError):
    """It was decided before, or its time is over."""

    kind, code = Kind.CONFLICT, "approval_closed"


class ProposedBefore(DomainError):
    """The Idempotency-Key made a proposal long ago; its stored answer is gone, the proposal is not."""

    kind, code = Kind.CONFLICT, "proposed_before"


class TooManyProposals(DomainError):
    """The operator has too many open proposals."""

    kind, code = Kind.CONFLICT, "too_many_proposals"
    constants = {"most": OPEN_MAX}
