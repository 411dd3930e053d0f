"""The parts of a service: its capabilities, and the service that lists them."""

from shared.context import Context, Runtime
from shared.outbox.jobs import Job
from shared.service.capability import Capability
from shared.service.service import Service
from shared.verify.invariants import Drift, Invariants, Looked

__all__ = ["Capability", "Context", "Drift", "Invariants", "Job", "Looked", "Runtime", "Service"]
