"""Actions of the machine, translated into the milestones that clocks know."""

from collections.abc import Mapping
from typing import Final

from services.feedback.complaints.domain.machine import ComplaintAction
from services.feedback.sla.domain.facts import Milestone

MILESTONES: Final[Mapping[ComplaintAction, Milestone]] = {
    ComplaintAction.WAIT_CUSTOMER: Milestone.WAITING,
    ComplaintAction.WAIT_THIRD_PARTY: Milestone.WAITING,
    ComplaintAction.RESUME: Milestone.RESUMED,
    ComplaintAction.ANSWER: Milestone.ANSWERED,
    ComplaintAction.FOLLOW_UP: Milestone.FOLLOWED_UP,
    ComplaintAction.REFUSE_ANSWER: Milestone.ANSWER_REFUSED,
    ComplaintAction.CLOSE: Milestone.CLOSED,
    ComplaintAction.WITHDRAW: Milestone.WITHDRAWN,
    ComplaintAction.REJECT: Milestone.REJECTED,
    ComplaintAction.MERGE: Milestone.MERGED,
    ComplaintAction.REOPEN: Milestone.REOPENED,
}
"""The milestone of each action that concerns a clock; the other actions concern none."""
