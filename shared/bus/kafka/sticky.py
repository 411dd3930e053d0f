"""Kafka's sticky assignment, with two corrections to the memory of aiokafka's assignor."""

from collections.abc import Callable

from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment


def sticky_assignor(generation_now: Callable[[], int]) -> type[StickyPartitionAssignor]:
    """Return a sticky assignor for ONE consumer, which remembers the generation of its assignment.

    aiokafka's assignor has its memory in the class, so two consumers of one process report each other's partitions to
    the group (aiokafka issue 1175). It also never learns the generation, which decides between two members that claim the
    same partition (aiokafka issue 1176).
    """

    class OwnSticky(StickyPartitionAssignor):  # type: ignore[misc]  # aiokafka has no types
        member_assignment = None
        generation = StickyPartitionAssignor.DEFAULT_GENERATION_ID

        @classmethod
        def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
            super().on_assignment(assignment)
            cls.generation = generation_now()

    return OwnSticky
