"""Activities: recorded one by one or many at once, reversed, and looked at."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import Path, Query
from pydantic import AfterValidator, Field
from starlette.requests import Request as Incoming

from services.loyalty.activities.domain.facts import Activity, ActivityKey, FactValue
from services.loyalty.activities.queries.activities import (
    SORTS,
    ActivitySelection,
    activity_named,
    id_of_activity,
)
from services.loyalty.activities.refusals import (
    ActivityConflict,
    ActivityInTheFuture,
    ActivityNotFound,
)
from services.loyalty.earning.api.facts import FactsIn
from services.loyalty.earning.domain.earning import Outcome as EarningOutcome
from services.loyalty.earning.queries.find_activities import FoundActivity, admit, shown
from services.loyalty.earning.queries.find_activities import list_activities as activities_of
from services.loyalty.earning.usecases.record_activities import record_activities as record
from services.loyalty.earning.usecases.reverse_activity import reverse_activity as reverse
from services.loyalty.http import in_range, wallets_asked
from services.loyalty.ledger.queries.known_to import issuer_known_to
from services.loyalty.ledger.refusals import UnknownMember
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.auth.principal import Principal, Role
from shared.db import Read
from shared.db.rehearsal import rehearsed
from shared.errors import DomainError
from shared.events.base import Code, Issuer
from shared.http import problems
from shared.http.cursor import CursorInvalid
from shared.http.customers import ISSUER_OF_NAME, CustomerName, IssuerOfName, Named, Naming
from shared.http.dependencies import Caller, InContext, Reading, Transaction
from shared.http.listing import Listing, listed_by
from shared.http.models import (
    DryRun,
    InstantIn,
    OrderId,
    Page,
    ProblemDocument,
    Request,
    Response,
    Source,
    SourceFilter,
    example,
)
from shared.http.routes import Router
from shared.identity.brought import issuers_of
from shared.limits import BATCH_BODY_BYTES_MAX, BATCH_ITEMS_MAX, CODE_MAX, ID_MAX
from shared.vault import Numbers

router = Router(tags=["activities"])

READ_SCOPE, WRITE_SCOPE = "activities:read", "activities:write"
WRITERS: Final[frozenset[Role]] = frozenset({"agent", "manager", "admin"})
ACTIVITY = "act_6t1h8w3p5n0kqz9v2c7xme4rds"
ActivityInPath = Annotated[str, Path(max_length=ID_MAX, examples=[ACTIVITY])]
_CUSTOMER = "cus_01hv3n8v1mz8k7g5r0q2w4x6y8"
_EXAMPLE = {
    "source": "app",
    "activity_id": "checkin-2026-03-01-8841",
    "customer_id": _CUSTOMER,
    "kind": "check_in",
    "occurred_at": "2026-03-01T09:30:00Z",
    "facts": {"store": "downtown", "minutes": 25},
}


class ActivityIn(Request):
    """Something that a member did other than buying, or an occasion of theirs."""

    model_config = example(**_EXAMPLE)

    source: Source = Field(description="The system that tells of it.", examples=["app"])
    activity_id: OrderId = Field(
        description="Its id there. The same id twice is the same activity.", examples=["checkin-8841"]
    )
    customer_id: CustomerName = Field(description="The member: `cus_…` or `ext:…`.")
    issuer: Issuer | None = Field(None, description=ISSUER_OF_NAME)
    kind: Code = Field(
        description="What it is, such as `check_in`, `survey`, `review` or `birthday`. Rules say `activity:` and this kind.",
        examples=["check_in"],
    )
    occurred_at: Annotated[InstantIn, AfterValidator(in_range)] = Field(
        description="At most 24 hours ahead, for clocks differ. The rules in force then decide."
    )
    facts: FactsIn = {}


class ActivityBatchIn(Request):
    """Up to 500 activities, recorded in one transaction."""

    model_config = example(items=[_EXAMPLE])

    items: Annotated[list[ActivityIn], Field(min_length=1, max_length=BATCH_ITEMS_MAX)]


class ActivityOut(Response):
    """An activity that was recorded, and what it earned."""

    model_config = example(
        id=ACTIVITY, customer_id=_CUSTOMER, issuer="shop", source="app", activity_id="checkin-2026-03-01-8841", kind="check_in",
        facts={"store": "downtown", "minutes": 25}, occurred_at="2026-03-01T09:30:00Z", recorded_at="2026-03-01T09:30:01Z",
        outcome="earned", points=5, rulebook=2, reversed_at=None,
    )  # fmt: skip

    id: str
    customer_id: str
    issuer: str = Field(description="Who told of it: the shop, or `partner:<id>`.")
    source: str
    activity_id: str
    kind: str
    facts: dict[str, FactValue]
    occurred_at: datetime
    recorded_at: datetime
    outcome: EarningOutcome
    points: int = Field(description="What rules and goals granted for it. A reversal does not change it.")
    rulebook: int = Field(description="The version of the rules.")
    reversed_at: datetime | None = Field(description="When it was taken back; null: it was not.")


class ActivityOutcome(Response):
    """The answer to one activity of a batch: the one that it would get alone."""

    status: int = Field(examples=[201])
    activity: ActivityOut | None
    problem: ProblemDocument | None = Field(
        description="A problem document, if it was refused.", examples=[None]
    )


class ActivityOutcomes(Response):
    """One outcome per activity, in the order they were sent."""

    items: list[ActivityOutcome]


@router.post(
    "/v1/activities",
    operation_id="record_activity",
    summary="Record an activity",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE),
    idempotency="optional",
    errors=(UnknownMember, ActivityConflict, ActivityInTheFuture),
    status_code=201,
    location="/v1/activities/{id}",
)
async def record_activity(
    tx: Transaction, context: InContext[Settings], caller: Caller, named: Named, body: ActivityIn
) -> ActivityOut:
    """Record an activity once, and credit what the rules in force at its time grant for it.

    A repeat of the same `(source, activity_id)` by the same issuer, the shop or one partner, with the same content gets the first
    answer again; with other content, 409 `activity_conflict` names the fields that differ. Partners record activities of members
    that they brought.
    """
    (outcome,) = await record(tx, context, await _reported(tx, caller, named, [body]))
    if isinstance(outcome, DomainError):
        raise outcome
    (found,) = await shown(tx, caller, [outcome])
    return _out(context.vault.numbers, found)


@router.post(
    "/v1/activities:batch",
    operation_id="record_activities",
    summary="Record many activities",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE),
    idempotency="optional",
    body_bytes_max=BATCH_BODY_BYTES_MAX,
    status_code=207,
)
async def record_activities(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    named: Named,
    incoming: Incoming,
    body: ActivityBatchIn,
    dry_run: DryRun = False,
) -> ActivityOutcomes:
    """Record up to 500 activities in one transaction; one that is refused is left out and says why.

    A dry run answers as the run would. The ids of what it would record are not kept.
    """
    numbers = context.vault.numbers
    async with rehearsed(tx) if dry_run else nullcontext():
        outcomes = await record(tx, context, await _reported(tx, caller, named, body.items))
        recorded = [outcome for outcome in outcomes if not isinstance(outcome, DomainError)]
        found = {of.record.id: _out(numbers, of) for of in await shown(tx, caller, recorded)}
    return ActivityOutcomes(
        items=[
            ActivityOutcome(
                status=outcome.kind.value,
                activity=None,
                problem=problems.item_document(outcome, incoming.scope),
            )
            if isinstance(outcome, DomainError)
            else ActivityOutcome(status=201, activity=found[outcome.id], problem=None)
            for outcome in outcomes
        ]
    )


@router.post(
    "/v1/activities/{activity_id}/reverse",
    operation_id="reverse_activity",
    summary="Reverse an activity",
    allow=allow(WRITERS, partner_scope=WRITE_SCOPE),
    idempotency="optional",
    errors=(ActivityNotFound, UnknownMember),
)
async def reverse_activity(
    tx: Transaction, context: InContext[Settings], caller: Caller, activity_id: ActivityInPath
) -> ActivityOut:
    """Take an activity back, now and once, with everything that it earned; a repeat gets the same answer.

    Points that were spent become a debt, as those of a returned purchase do. Partners reverse activities that they recorded.
    """
    numbers = context.vault.numbers
    record = await admit(tx, caller, activity_named(numbers, activity_id))
    await reverse(tx, context, record)
    (found,) = await shown(tx, caller, [record])
    return _out(numbers, found)


@router.get(
    "/v1/activities/{activity_id}",
    operation_id="get_activity",
    summary="Read an activity",
    allow=allow(OPERATORS, partner_scope=READ_SCOPE, customer="owned"),
    errors=(ActivityNotFound,),
)
async def get_activity(
    read: Reading, context: InContext[Settings], caller: Caller, activity_id: ActivityInPath
) -> ActivityOut:
    """Read an activity. Customers read their own, partners those that they recorded."""
    record = await admit(read, caller, activity_named(context.vault.numbers, activity_id))
    (found,) = await shown(read, caller, [record])
    return _out(context.vault.numbers, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityFilters:
    """The filters of the list of activities."""

    customer_id: Annotated[
        CustomerName | None,
        Query(
            description="Only activities of this member: `cus_…`, `ext:…`, or `me` with a customer's token."
        ),
    ] = None
    issuer: IssuerOfName = None
    kind: Annotated[str | None, Query(max_length=CODE_MAX, description="Only activities of this kind.")] = (
        None
    )
    source: SourceFilter = None


@router.get(
    "/v1/activities",
    operation_id="list_activities",
    summary="List activities",
    allow=allow(OPERATORS, partner_scope=READ_SCOPE, customer="owned"),
    errors=(CursorInvalid,),
)
async def list_activities(
    read: Reading,
    context: InContext[Settings],
    caller: Caller,
    named: Named,
    listing: Annotated[
        Listing[ActivityFilters], listed_by(ActivityFilters, sorts=SORTS, bound_to=lambda caller: caller.key)
    ],
) -> Page[ActivityOut]:
    """List activities. Customers see their own, partners those that they recorded.

    Another customer has an empty page, like one that does not exist.
    """
    filters = listing.filters
    now = context.clock.now()
    wallet_ids = await wallets_asked(read, caller, named, filters.customer_id, filters.issuer, now)
    if wallet_ids == []:
        return listing.page([], lambda _: [], [])
    selection = ActivitySelection(
        issuer=issuer_known_to(caller),
        wallet_ids=wallet_ids,
        kind=filters.kind,
        source=filters.source,
    )
    found = await activities_of(read, caller, selection, listing.slice)
    items = [_out(context.vault.numbers, of) for of in listing.shown(found)]
    return listing.page(found, lambda of: listing.sort_key(of.record), items)


async def _reported(
    read: Read, caller: Principal, named: Naming, items: Sequence[ActivityIn]
) -> list[Activity | DomainError]:
    """Return the activities of a request in the domain's words. One that names nobody whom the caller may name is refused."""
    identities = [await named.identity_of(read, item.customer_id, item.issuer) for item in items]
    if caller.kind == "partner":
        issuers = await issuers_of(
            read, (identity_id for identity_id in identities if identity_id is not None)
        )
        identities = [
            identity_id if identity_id is not None and issuers[identity_id] == caller.issuer else None
            for identity_id in identities
        ]
    return [
        UnknownMember()
        if identity_id is None
        else Activity(
            ActivityKey(caller.issuer, item.source, item.activity_id),
            identity_id,
            item.kind,
            item.facts,
            item.occurred_at,
        )
        for item, identity_id in zip(items, identities, strict=True)
    ]


def _out(numbers: Numbers, found: FoundActivity) -> ActivityOut:
    record = found.record
    return ActivityOut(
        id=id_of_activity(numbers, record.id),
        customer_id=found.customer_id,
        issuer=record.issuer,
        source=record.source,
        activity_id=record.activity_id,
        kind=record.kind,
        facts=record.facts,
        occurred_at=record.occurred_at,
        recorded_at=record.booked_at,
        outcome=EarningOutcome(record.outcome),
        points=found.points,
        rulebook=record.rulebook,
        reversed_at=found.reversed_at,
    )
