"""The event edge: which events feedback consumes, and what it does with them."""

from services.feedback.events.table import handlers

__all__ = ["handlers"]
