"""The event edge of every service: batches, waves, exactly-once, and what could not be applied."""

from shared.consume.handlers import BATCH_MAX, Handlers

__all__ = ["BATCH_MAX", "Handlers"]
