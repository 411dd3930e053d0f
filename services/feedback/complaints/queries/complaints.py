"""Complaints, and the messages, transitions and follow-ups that they went through."""

from services.feedback.complaints.storage.complaints import count_of as count_complaints
from services.feedback.complaints.storage.complaints import find as complaint_of
from services.feedback.complaints.storage.complaints import identities as identities_of_complaints
from services.feedback.complaints.storage.complaints import merged_into
from services.feedback.complaints.storage.follow_ups import of_complaint as follow_ups_of
from services.feedback.complaints.storage.messages import of_complaint as messages_of
from services.feedback.complaints.storage.transitions import of_complaint as transitions_of

__all__ = [
    "complaint_of",
    "count_complaints",
    "follow_ups_of",
    "identities_of_complaints",
    "merged_into",
    "messages_of",
    "transitions_of",
]
