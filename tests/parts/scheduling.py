"""Which tests one worker of a parallel run takes in turn."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from xdist.scheduler.loadscope import LoadScopeScheduling

TESTS = PurePosixPath("tests")
GROUPS: Mapping[str, Sequence[str]] = {
    "the product's topics on the run's broker": (
        "contract/consume/test_replay.py",
        "contract/consume/test_rows_and_events.py",
        "shared/bus/test_kafka_rebalances.py",
        "shared/bus/test_kafka_topics.py",
        "e2e",
    ),
    "times are measured, or the machine is kept busy": (
        "bench",
        "chaos",
        "scoring/models/jobs/test_fits.py",
        "shared/bus/test_kafka_faults.py",
        "shared/http/test_outage.py",
        "shared/outbox/test_lease.py",
        "shared/run/test_migrating.py",
        "shared/test_pacing.py",
    ),
    "one broker of test_kafka_of_compose": ("huitou/test_kafka_of_compose.py",),
    "one broker of test_kafka_security": ("shared/bus/test_kafka_security.py",),
    "one product of test_demo": ("huitou/test_demo.py",),
    "one product of test_import": ("huitou/test_import.py",),
    "one product of test_up": ("huitou/test_up.py",),
}
"""The files and folders below `tests` that share something, by what they share.

A run begins with the groups, because each of them takes long. Every other test goes to the worker that is free next.
"""


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist is published without types
    """Give the tests of a group to one worker, and every other test to the next worker that is free.

    `--dist loadgroup` of xdist 3.8 does the same by a mark, which it cannot read any more since pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid) or nodeid


def group_of(nodeid: str) -> str | None:
    """Return the group of a test; None if it shares nothing."""
    path = PurePosixPath(nodeid.partition("::")[0])
    for group, places in GROUPS.items():
        if any(path.is_relative_to(TESTS / place) for place in places):
            return group
    return None
