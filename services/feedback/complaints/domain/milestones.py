"""Actions of the machine, translated into the milestones that clocks know."""

from collections.abc import Mapping
from typing import Final

from services.feedback.complaints.domain.machine import Action
from services.feedback.sla.domain.facts import Milestone

MILESTONES: Final[Mapping[Action, Milestone]] = {
    Action.WAIT_CUSTOMER: Milestone.WAITING,
    Action.WAIT_THIRD_PARTY: Milestone.WAITING,
    Action.RESUME: Milestone.RESUMED,
    Action.ANSWER: Milestone.ANSWERED,
    Action.FOLLOW_UP: Milestone.FOLLOWED_UP,
    Action.REFUSE_ANSWER: Milestone.ANSWER_REFUSED,
    Action.CLOSE: Milestone.CLOSED,
    Action.WITHDRAW: Milestone.WITHDRAWN,
    Action.REJECT: Milestone.REJECTED,
    Action.MERGE: Milestone.MERGED,
    Action.REOPEN: Milestone.REOPENED,
}
"""The milestone of each action that concerns a clock; the other actions concern none."""
