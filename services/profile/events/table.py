"""The event edge: profile is where facts begin, so it handles no events yet; returns that wait are kept under its name."""

from services.profile.storage.returns import CONSUMER
from shared.consume import Handlers


def handlers() -> Handlers:
    """The consumer whose set-aside records operators see."""
    return Handlers(consumer=CONSUMER, table={})
