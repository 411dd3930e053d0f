"""Reading, checking, publishing and withdrawing rulebooks."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Path
from pydantic import Field
from pydantic_core import from_json

from services.loyalty.earning.api.documents import (
    EXAMPLE,
    DocumentIn,
    DocumentOut,
    read_document_of_programme,
)
from services.loyalty.earning.domain.document import canonical
from services.loyalty.earning.queries.check_meaning import check_meaning
from services.loyalty.earning.queries.rulebooks import find_rulebook, list_rulebooks
from services.loyalty.earning.refusals import (
    BudgetChanged,
    CapChanged,
    GoalChanged,
    InForceTooSoon,
    NotAfterTheOthers,
    RulebookInForce,
    RulebookInvalid,
    RulebookNotFound,
    RulebookTooLarge,
    TooManyRulebooks,
)
from services.loyalty.earning.storage.rulebooks import SORTS
from services.loyalty.earning.storage.tables import RulebookRecord
from services.loyalty.earning.usecases.publish_rulebook import publish_rulebook
from services.loyalty.earning.usecases.withdraw_rulebook import withdraw_rulebook
from services.loyalty.ledger.domain.documents import hash_of
from services.loyalty.parameters import plain_number
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.auth.principal import Role
from shared.context import Context
from shared.db import Read
from shared.http.cursor import CursorInvalid
from shared.http.dependencies import Caller, InContext, Reading, Transaction
from shared.http.listing import Listing, NoFilters, listed_by
from shared.http.models import InstantIn, Page, Request, Response, example
from shared.http.readers import ACTOR
from shared.http.routes import Router
from shared.limits import ID_MAX

PUBLISHERS: frozenset[Role] = frozenset(("manager", "admin"))
"""The roles that decide by which rules members earn."""
HASH = hash_of("").hex()
PREFIX = "rules"
"""The begin of the id of a rulebook."""

router = Router(tags=["rulebooks"])

RulebookInPath = Annotated[str, Path(max_length=ID_MAX, examples=["rules_2"])]


class RulebookState(StrEnum):
    """Whether a rulebook is in force: it will be, it is, another one is by now, or it was withdrawn before it was."""

    SCHEDULED = "scheduled"
    IN_FORCE = "in_force"
    FORMER = "former"
    WITHDRAWN = "withdrawn"


class RulebookOut(Response):
    """A version of the rules by which members earn."""

    id: str
    version: int
    state: RulebookState
    in_force_from: datetime | None = Field(description="Null: from the beginning.")
    hash: str = Field(description="The SHA-256 of the document, in hexadecimal digits.")
    published_by: Annotated[str | None, ACTOR] = Field(description="Operators only.")
    published_at: datetime
    withdrawn_at: datetime | None


class RulebookDetailOut(RulebookOut):
    """A version of the rules with its document."""

    model_config = example(
        id="rules_2", version=2, state="scheduled", in_force_from="2026-04-01T00:00:00Z", hash=HASH, published_by="operator:li.lei",
        published_at="2026-03-01T09:30:00Z", withdrawn_at=None, document=EXAMPLE,
    )  # fmt: skip

    document: DocumentOut


InForceFrom = Annotated[
    InstantIn,
    Field(
        description="At least a minute ahead, and after every other version. Purchases of before that arrive later earn by the "
        "version of their time."
    ),
]


class RulebookIn(Request):
    """A document, and the instant from which members earn by it."""

    model_config = example(in_force_from="2190-01-01T00:00:00Z", document=EXAMPLE)

    in_force_from: InForceFrom
    document: DocumentIn


class RulebookCheckIn(Request):
    """A document that is only checked."""

    model_config = example(document=EXAMPLE)

    document: DocumentIn


class RulebookCheckOut(Response):
    """A document in which nothing is wrong."""

    model_config = example(hash=HASH)

    hash: str = Field(description="The hash that the document would have.")


@router.get(
    "/v1/rulebooks",
    operation_id="list_rulebooks",
    summary="List rulebooks",
    allow=allow(OPERATORS),
    errors=(CursorInvalid,),
)
async def get_rulebooks(
    read: Reading,
    context: InContext[Settings],
    listing: Annotated[Listing[NoFilters], listed_by(NoFilters, sorts=SORTS)],
) -> Page[RulebookOut]:
    """List the versions of the rules, the newest first."""
    records, current = await list_rulebooks(read, context.clock.now(), listing.slice)
    shown = [_summary(context, record, current) for record in listing.shown(records)]
    return listing.page(records, listing.sort_key, shown)


@router.get(
    "/v1/rulebooks/{rulebook_id}",
    operation_id="get_rulebook",
    summary="Read a rulebook",
    allow=allow(OPERATORS),
    errors=(RulebookNotFound,),
)
async def get_rulebook(
    read: Reading, context: InContext[Settings], rulebook_id: RulebookInPath
) -> RulebookDetailOut:
    """Read a version of the rules with its document."""
    return await rulebook_shown(read, context, plain_number(PREFIX, rulebook_id))


@router.post(
    "/v1/rulebooks",
    operation_id="publish_rulebook",
    summary="Publish a rulebook",
    allow=allow(PUBLISHERS),
    idempotency="required",
    status_code=201,
    location="/v1/rulebooks/{id}",
    errors=(
        RulebookInvalid,
        RulebookTooLarge,
        InForceTooSoon,
        NotAfterTheOthers,
        CapChanged,
        GoalChanged,
        BudgetChanged,
        TooManyRulebooks,
    ),
)
async def post_rulebook(
    tx: Transaction, context: InContext[Settings], caller: Caller, body: RulebookIn
) -> RulebookDetailOut:
    """Publish the rules that are in force from an instant on. Until then it can be withdrawn."""
    document = await read_document_of_programme(tx, context, body.document)
    version = await publish_rulebook(tx, context, document, body.in_force_from, caller.key)
    return await rulebook_shown(tx, context, version)


@router.post(
    "/v1/rulebooks/{rulebook_id}:withdraw",
    operation_id="withdraw_rulebook",
    summary="Withdraw a rulebook",
    allow=allow(PUBLISHERS),
    errors=(RulebookNotFound, RulebookInForce),
)
async def post_withdrawal(
    tx: Transaction, context: InContext[Settings], rulebook_id: RulebookInPath
) -> RulebookDetailOut:
    """Withdraw a version before it comes into force. One that was withdrawn stays so."""
    version = plain_number(PREFIX, rulebook_id)
    await withdraw_rulebook(tx, version)
    return await rulebook_shown(tx, context, version)


@router.post(
    "/v1/rulebooks:validate",
    operation_id="validate_rulebook",
    summary="Check the document of a rulebook",
    allow=allow(OPERATORS),
    errors=(RulebookInvalid, RulebookTooLarge, CapChanged, GoalChanged, BudgetChanged),
)
async def post_validation(
    read: Reading, context: InContext[Settings], body: RulebookCheckIn
) -> RulebookCheckOut:
    """Check a document, and write nothing. What is wrong with it is a 422 with a pointer to each place."""
    document = await read_document_of_programme(read, context, body.document)
    await check_meaning(read, document)
    return RulebookCheckOut(hash=hash_of(canonical(document)).hex())


async def rulebook_shown(read: Read, context: Context[Settings], version: int | None) -> RulebookDetailOut:
    """Return a version as answers show it. Raises RulebookNotFound."""
    record, current = await find_rulebook(read, version, context.clock.now())
    summary = _summary(context, record, current)
    return RulebookDetailOut(**summary.model_dump(), document=from_json(record.document))


def _summary(context: Context[Settings], record: RulebookRecord, current: int) -> RulebookOut:
    return RulebookOut(
        id=f"{PREFIX}_{record.version}",
        version=record.version,
        state=_state(record, current),
        in_force_from=record.in_force_from,
        hash=record.hash.hex(),
        published_by=context.vault.reveal(record.published_by),
        published_at=record.published_at,
        withdrawn_at=record.withdrawn_at,
    )


def _state(record: RulebookRecord, current: int) -> RulebookState:
    """Return the state of a version while the version `current` is in force."""
    if record.withdrawn_at is not None:
        return RulebookState.WITHDRAWN
    if record.version == current:
        return RulebookState.IN_FORCE
    return RulebookState.SCHEDULED if record.version > current else RulebookState.FORMER
