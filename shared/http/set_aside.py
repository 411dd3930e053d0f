"""Operations by which operators list, read, retry and discard the records that could not be applied."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field
from typing_extensions import TypeAliasType

from shared.consume import operator_actions, tables
from shared.consume.handlers import Handlers
from shared.consume.operator_actions import SetAside
from shared.consume.set_aside import OPEN, NotRetryable, NotSetAside, StillRefused
from shared.db import Tx
from shared.errors import DomainError, Kind
from shared.http.auth import OPERATORS, allow
from shared.http.cursor import CursorInvalid
from shared.http.dependencies import Caller, InContext, Reading, Transaction, Vaulted
from shared.http.listing import Listing, listed_by
from shared.http.models import Page, Response, example
from shared.http.readers import ACTOR, OPERATORS_ONLY, RAW
from shared.http.routes import Router
from shared.service.service import Service
from shared.vault import Vault

_EXAMPLE = {
    "id": "sad_01k2m9d6v4e8r7a1b2c3d4e5f6", "consumer": "loyalty", "state": "dead", "code": "row_refused",
    "reason": "A constraint of the database refused what it would write.",
    "type": "profile.purchase_recorded.v1", "event_id": "0198a0a0-0000-7000-8000-000000000000",
    "topic": "huitou.purchases", "partition": 3, "offset": 1205, "key": "cus_01k2m9d6v4e8r7a1b2c3d4e5f6",
    "attempts": 1, "booked_at": "2026-03-01T09:30:00Z",
}  # fmt: skip


TAG = {"set aside": "Records that this service could not apply, which an operator applies again or gives up."}


class NoSuchConsumer(DomainError):
    """The record belongs to a consumer that this version of the service does not have."""

    kind, code = Kind.CONFLICT, "no_such_consumer"


SetAsideState = TypeAliasType(
    "SetAsideState",
    Annotated[
        tables.State,
        Field(
            description="The state of a record that could not be applied. dead: refused; queued: behind a dead one of its key; "
            "parked: waits for a fact; applied, discarded: ended."
        ),
    ],
)


class SetAsideOut(Response):
    """A record that could not be applied."""

    model_config = example(**_EXAMPLE)

    id: str
    consumer: str
    state: SetAsideState
    code: str
    reason: Annotated[str, OPERATORS_ONLY]
    type: str | None = None
    event_id: str | None = None
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    key: Annotated[str | None, OPERATORS_ONLY] = None
    behind: str | None = Field(None, description="The identity whose earlier record it waits behind.")
    awaits: Annotated[str | None, OPERATORS_ONLY] = None
    deadline_at: datetime | None = None
    attempts: int
    booked_at: datetime
    ended_at: datetime | None = None
    ended_by: Annotated[str | None, ACTOR] = None


class SetAsideRecord(SetAsideOut):
    """A record that could not be applied, with what it holds."""

    model_config = example(**_EXAMPLE, headers={"ce_type": "profile.purchase_recorded.v1"}, payload="{}")

    headers: dict[str, str]
    payload: Annotated[str | None, RAW] = Field(description="As it came; bytes that are no text are escaped.")


class SetAsideResult(Response):
    """The result of a retry or a discard."""

    model_config = example(applied=3)

    applied: int = Field(description="How many records of the key's chain are applied now.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAsideFilters:
    """The filters of the list of records that could not be applied."""

    state: Annotated[
        SetAsideState | None, Query(description="Only this state; without it the open ones.")
    ] = None


def router_of(service: Service) -> Router:
    """Return the operations on the records that the consumers of this service set aside."""
    router = Router(tags=[*TAG])
    _declare_reading(router)
    _declare_acting(router, {handlers.consumer: handlers for handlers in service.handlers})
    return router


def _declare_reading(router: Router) -> None:
    @router.get(
        "/v1/set-aside",
        operation_id="list_set_aside",
        summary="List records that could not be applied",
        allow=allow(OPERATORS),
        errors=(CursorInvalid,),
    )
    async def list_set_aside(
        read: Reading,
        vault: Vaulted,
        listing: Annotated[Listing[SetAsideFilters], listed_by(SetAsideFilters)],
    ) -> Page[SetAsideOut]:
        """Dead, queued and parked records, oldest first, without what they hold."""
        state = listing.filters.state
        states = OPEN if state is None else (state,)
        records = await operator_actions.page(
            read, states=states, after=listing.after or "", limit=listing.rows_max
        )
        items = [_out(vault, record) for record in listing.shown(records)]
        return listing.page(records, lambda record: [record.id], items)

    @router.get(
        "/v1/set-aside/{set_aside_id}",
        operation_id="get_set_aside",
        summary="Read a record that could not be applied",
        allow=allow({"admin"}),
        errors=(NotSetAside,),
    )
    async def get_set_aside(read: Reading, vault: Vaulted, set_aside_id: str) -> SetAsideRecord:
        """The record with its headers and payload, which may hold anything that was thrown at the topic."""
        opened = await operator_actions.read_one(read, vault, set_aside_id)
        shown = _out(vault, opened.record).model_dump()
        return SetAsideRecord(**shown, headers=dict(opened.headers), payload=opened.payload)


def _declare_acting(router: Router, consumers: Mapping[str, Handlers]) -> None:
    async def handlers_of(tx: Tx, set_aside_id: str) -> Handlers:
        consumer = await operator_actions.consumer_of(tx, set_aside_id)
        if consumer not in consumers:
            raise NoSuchConsumer
        return consumers[consumer]

    @router.post(
        "/v1/set-aside/{set_aside_id}/retry",
        operation_id="retry_set_aside",
        summary="Apply a dead record and what waits behind it",
        allow=allow({"admin"}),
        errors=(NotSetAside, NotRetryable, StillRefused, NoSuchConsumer),
    )
    async def retry_set_aside(
        tx: Transaction, context: InContext, caller: Caller, set_aside_id: str
    ) -> SetAsideResult:
        """Apply the whole chain of its key, in order; refused again, nothing changes."""
        handlers = await handlers_of(tx, set_aside_id)
        applied = await operator_actions.retry(tx, handlers, context, set_aside_id, by=caller.key)
        return SetAsideResult(applied=applied)

    @router.post(
        "/v1/set-aside/{set_aside_id}/discard",
        operation_id="discard_set_aside",
        summary="Give up a dead or parked record",
        allow=allow({"admin"}),
        errors=(NotSetAside, NotRetryable, NoSuchConsumer),
    )
    async def discard_set_aside(
        tx: Transaction, context: InContext, caller: Caller, set_aside_id: str
    ) -> SetAsideResult:
        """Give it up, and apply what waited behind it. A parked record, such as a return with a mistyped order, no longer waits."""
        handlers = await handlers_of(tx, set_aside_id)
        applied = await operator_actions.discard(tx, handlers, context, set_aside_id, by=caller.key)
        return SetAsideResult(applied=applied)


def _out(vault: Vault, record: SetAside | tables.SetAsideRecord) -> SetAsideOut:
    shown = SetAsideOut.model_validate(record, from_attributes=True)
    ended_by = None if record.ended_by is None else vault.reveal(record.ended_by)
    return shown.model_copy(update={"ended_by": ended_by})
