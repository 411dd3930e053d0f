"""The facts of complaints in the database, translated into the histories that clocks are folded from."""

from collections import defaultdict
from collections.abc import Sequence

from services.feedback.complaints.domain.complaint import due_or_none
from services.feedback.complaints.domain.machine import ComplaintAction
from services.feedback.complaints.domain.milestones import MILESTONES
from services.feedback.complaints.storage import complaints, messages, transitions
from services.feedback.complaints.storage.complaints import ComplaintFact
from services.feedback.complaints.storage.messages import MessageFact
from services.feedback.complaints.storage.transitions import TransitionFact
from services.feedback.sla.domain.facts import Fact, MergedIn, Moved, Opened, Said, said
from services.feedback.sla.domain.history import History
from services.feedback.sla.domain.policy import Attributes
from shared.db import Read


async def histories_of(read: Read, complaint_ids: Sequence[str]) -> list[History]:
    """Return the histories of these complaints, in the order of the ids given."""
    opened = {complaint.id: complaint for complaint in await complaints.facts(read, complaint_ids)}
    facts: defaultdict[str, list[Fact]] = defaultdict(list)
    for message in await messages.facts(read, complaint_ids):
        fact = _said(message)
        if fact is not None:
            facts[message.complaint_id].append(fact)
    for transition in await transitions.facts(read, complaint_ids):
        milestone = MILESTONES.get(ComplaintAction(transition.action))
        if milestone is not None:
            facts[transition.complaint_id].append(Moved(transition.occurred_at, transition.id, milestone))
        if _is_word_of_customer(transition):
            facts[transition.complaint_id].append(
                Said(transition.occurred_at, transition.id, by_customer=True)
            )
    return [
        History(
            complaint_id=complaint_id,
            identity_id=opened[complaint_id].identity_id,
            customer_id=opened[complaint_id].owner_id,
            status=opened[complaint_id].status,
            rules_applied=opened[complaint_id].rules_applied,
            due_at=due_or_none(opened[complaint_id].due_at),
            facts=(_opened(opened[complaint_id]), *facts[complaint_id]),
        )
        for complaint_id in complaint_ids
    ]


def _opened(complaint: ComplaintFact) -> Opened:
    attributes = Attributes(
        channel=complaint.channel,
        priority=complaint.priority,
        problem_type=complaint.problem_type,
        language=complaint.language,
        store=complaint.store,
        product=complaint.product,
        team=complaint.team,
    )
    return Opened(complaint.contact_at, complaint.id, attributes)


def _is_word_of_customer(transition: TransitionFact) -> bool:
    """Return whether this action says that the answer does not do, so that the customer waits for the next one.

    Who booked it does not matter: an agent does for a customer who called.
    """
    return transition.action == ComplaintAction.REFUSE_ANSWER.value


def _said(message: MessageFact) -> Said | MergedIn | None:
    return said(
        id=message.id,
        kind=message.kind,
        visible=message.visible,
        delivery=message.delivery,
        occurred_at=message.occurred_at,
        booked_at=message.booked_at,
        confirmed=message.confirmed_by is not None,
    )
