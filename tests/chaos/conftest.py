"""The stacks that are struck: with a broker and a database server of their own, since those are struck too."""

from collections.abc import Iterator

import pytest

from tests.chaos.rounds import ENVIRONMENT
from tests.parts.distributed import DistributedStack
from tests.parts.embedded import EmbeddedStack
from tests.parts.kafka import ApacheKafka
from tests.parts.postgres import USER, Postgres
from tests.parts.processes import PartMissing, free_port_base, required
from tests.parts.small_disk import small_disk

PORTS = 5


@pytest.fixture
def embedded() -> Iterator[EmbeddedStack]:
    """The product in one process."""
    stack = EmbeddedStack(more=ENVIRONMENT, may_be_full=True).start()
    yield stack
    stack.close()


@pytest.fixture
def distributed(prepared: DistributedStack) -> DistributedStack:
    """The product in its processes."""
    return prepared.start_all()


@pytest.fixture
def prepared() -> Iterator[DistributedStack]:
    """A broker and migrated databases, and no process yet: for tests that need few of them."""
    yield from _prepared()


@pytest.fixture(scope="module")
def lasting() -> Iterator[DistributedStack]:
    """The product in its processes, for tests that leave it as they found it."""
    for stack in _prepared():
        yield stack.start_all()


def _prepared() -> Iterator[DistributedStack]:
    try:
        kafka = ApacheKafka().start()
    except PartMissing as error:
        if required():
            raise
        pytest.skip(f"the distributed product needs a real Kafka: {error}")
    postgres = Postgres().start()
    stack = DistributedStack(postgres, kafka, port_base=free_port_base(PORTS), more=ENVIRONMENT)
    stack.prepare()
    disk = small_disk(postgres.folder / "disk", user=USER)
    if disk is not None:
        stack.move_to(disk)
    yield stack
    stack.close()
    kafka.close()
    postgres.stop()
    if disk is not None:
        disk.close()
    postgres.close()
