"""Operations by which operators look at the partitions that stand, and let a batch pass that the brake holds."""

from datetime import datetime
from typing import Annotated

from fastapi import status
from pydantic import Field
from typing_extensions import TypeAliasType

from shared.bus import TopicPartition
from shared.consume import stopped_partitions
from shared.consume.stopped_partitions import NotBraked, OtherBatch, Stopped
from shared.consume.tables import AllowedBatchRecord, StopCause
from shared.http.auth import OPERATORS, allow
from shared.http.dependencies import Caller, Reading, Transaction, Vaulted
from shared.http.models import Request, Response, example
from shared.http.readers import ACTOR
from shared.http.routes import Router
from shared.limits import INT64_MAX
from shared.vault import Vault

NAME_MAX = 100
"""Characters of the name of a consumer or a topic."""
PARTITION_MAX = 10_000
DEAD_MAX = 10_000
"""Dead records of one batch. A batch is smaller."""

_BATCH = {
    "from_offset": 1205, "until_offset": 1705, "records": 500, "dead": 32, "queued": 4,
    "refusals": [{"type": "profile.purchase_recorded.v1", "code": "row_refused", "records": 32}],
}  # fmt: skip
_STOPPED = {
    "consumer": "loyalty", "topic": "huitou.purchases", "partition": 3, "cause": "brake", "code": "row_refused",
    "since": "2026-03-01T09:30:00Z", "batch": _BATCH,
}  # fmt: skip


StoppedBy = TypeAliasType(
    "StoppedBy",
    Annotated[
        StopCause,
        Field(
            description="brake: too many records of a batch would be set aside; bug: the program meets an error of its own."
        ),
    ],
)


class RefusalsOut(Response):
    """The records of one event type that one reason would set aside."""

    type: str | None = Field(description="The event type; null for records that cannot be read.")
    code: str
    records: int


class BrakedBatchOut(Response):
    """The batch that the brake holds, and what would be set aside of it."""

    model_config = example(**_BATCH)

    from_offset: int
    until_offset: int = Field(description="The offset behind the last record of the batch.")
    records: int
    dead: int = Field(description="How many records would be set aside as dead.")
    queued: int = Field(description="How many more would wait behind a dead record of their key.")
    refusals: list[RefusalsOut]


class StoppedPartitionOut(Response):
    """A partition whose next batch cannot be applied."""

    model_config = example(**_STOPPED)

    consumer: str
    topic: str
    partition: int
    cause: StoppedBy
    code: str = Field(description="The code of the first refused record, or the type of the error.")
    since: datetime
    batch: BrakedBatchOut | None = Field(description="What may be let pass; null if the cause is a bug.")


class PassedBatchOut(Response):
    """A batch that an operator has let pass."""

    consumer: str
    topic: str
    partition: int
    from_offset: int
    until_offset: int
    dead: int = Field(description="How many records might be set aside as dead.")
    allowed_by: Annotated[str, ACTOR] = Field(examples=["operator:ana"])
    allowed_at: datetime


class StoppedPartitions(Response):
    """The partitions that stand, and the batches that operators have let pass."""

    items: list[StoppedPartitionOut]
    passed: list[PassedBatchOut]


class BatchPassIn(Request):
    """The batch that may pass, as the list of stopped partitions shows it."""

    model_config = example(
        consumer="loyalty",
        topic="huitou.purchases",
        partition=3,
        from_offset=1205,
        until_offset=1705,
        dead=32,
    )

    consumer: Annotated[str, Field(max_length=NAME_MAX)]
    topic: Annotated[str, Field(max_length=NAME_MAX)]
    partition: Annotated[int, Field(ge=0, le=PARTITION_MAX)]
    from_offset: Annotated[int, Field(ge=0, le=INT64_MAX)]
    until_offset: Annotated[int, Field(ge=1, le=INT64_MAX)]
    dead: Annotated[
        int, Field(ge=1, le=DEAD_MAX, description="Were it more, the partition would stand again.")
    ]


router = Router(tags=["set aside"])


@router.get(
    "/v1/stopped-partitions",
    operation_id="list_stopped_partitions",
    summary="List partitions whose next batch cannot be applied",
    allow=allow(OPERATORS),
)
async def list_stopped_partitions(read: Reading, vault: Vaulted) -> StoppedPartitions:
    """At most 100 partitions that stand, with what would be set aside of the next batch, and the last 100 that passed."""
    return StoppedPartitions(
        items=[_out(stop) for stop in await stopped_partitions.standing(read)],
        passed=[_passed(vault, record) for record in await stopped_partitions.last_allowed(read)],
    )


@router.post(
    "/v1/stopped-partitions:pass",
    operation_id="pass_stopped_partition",
    summary="Let a batch pass that the brake holds",
    status_code=status.HTTP_204_NO_CONTENT,
    allow=allow({"admin"}),
    errors=(NotBraked, OtherBatch),
)
async def pass_stopped_partition(tx: Transaction, caller: Caller, body: BatchPassIn) -> None:
    """The consumer applies it at its next try, within seconds, and sets aside what it must. Who allowed it is written down."""
    await stopped_partitions.let_pass(
        tx,
        body.consumer,
        TopicPartition(body.topic, body.partition),
        from_offset=body.from_offset,
        until_offset=body.until_offset,
        dead=body.dead,
        by=caller.key,
    )


def _passed(vault: Vault, record: AllowedBatchRecord) -> PassedBatchOut:
    return PassedBatchOut(
        consumer=record.consumer,
        topic=record.topic,
        partition=record.partition,
        from_offset=record.from_offset,
        until_offset=record.until_offset,
        dead=record.dead_max,
        allowed_by=vault.reveal(record.allowed_by),
        allowed_at=record.allowed_at,
    )


def _out(stop: Stopped) -> StoppedPartitionOut:
    return StoppedPartitionOut(
        consumer=stop.consumer,
        topic=stop.place.topic,
        partition=stop.place.partition,
        cause=stop.cause,
        code=stop.code,
        since=stop.since,
        batch=None if stop.batch is None else BrakedBatchOut.model_validate(stop.batch, from_attributes=True),
    )
