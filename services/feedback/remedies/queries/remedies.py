"""The remedies of a complaint, for other capabilities to read."""

from services.feedback.remedies.storage.remedies import find as remedy_of
from services.feedback.remedies.storage.remedies import of_complaint as remedies_of

__all__ = ["remedies_of", "remedy_of"]
