"""Kafka's sticky assignment, mended where aiokafka's keeps its memory."""

from collections.abc import Callable

from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment


def sticky_assignor(generation_now: Callable[[], int]) -> type[StickyPartitionAssignor]:
    """A sticky assignor for ONE consumer, which remembers the generation of what it was assigned.

    aiokafka's keeps its memory in the class, so that two consumers of one process tell the group each other's
    partitions (its issue 1175), and is never told the generation, which decides between two members who claim the same
    partition (1176).
    """

    class OwnSticky(StickyPartitionAssignor):  # type: ignore[misc]  # aiokafka has no types
        member_assignment = None
        generation = StickyPartitionAssignor.DEFAULT_GENERATION_ID

        @classmethod
        def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
            super().on_assignment(assignment)
            cls.generation = generation_now()

    return OwnSticky
