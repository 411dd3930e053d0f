"""The states of a claim of a reward."""

from __future__ import annotations

from enum import StrEnum

from services.loyalty.rewards.refusals import ClaimEnded, ClaimFulfilled, ClaimNotFulfilled


class ClaimEnd(StrEnum):
    """The ways in which a claim is undone, each once: before the member got the piece, or after."""

    CANCELLED = "cancelled"
    RETURNED = "returned"


class RewardClaimState(StrEnum):
    """The state of a claim: the member waits for the piece, has it, or the claim was undone."""

    CLAIMED = "claimed"
    FULFILLED = "fulfilled"
    CANCELLED = ClaimEnd.CANCELLED.value
    RETURNED = ClaimEnd.RETURNED.value


def check_open(state: RewardClaimState) -> None:
    """Refuse to fulfil a claim that was undone. Raises ClaimEnded."""
    if state in (RewardClaimState.CANCELLED, RewardClaimState.RETURNED):
        raise ClaimEnded(state=state)


def check_undoable(state: RewardClaimState, end: ClaimEnd) -> None:
    """Refuse to undo a claim in a way that its state does not have. Raises ClaimEnded, ClaimFulfilled and ClaimNotFulfilled."""
    check_open(state)
    if end is ClaimEnd.CANCELLED and state is RewardClaimState.FULFILLED:
        raise ClaimFulfilled
    if end is ClaimEnd.RETURNED and state is RewardClaimState.CLAIMED:
        raise ClaimNotFulfilled
