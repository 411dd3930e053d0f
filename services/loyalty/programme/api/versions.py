"""Reading, checking, publishing and withdrawing versions of the programme."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Path
from pydantic import Field
from pydantic_core import from_json

from services.loyalty.ledger.domain.documents import hash_of
from services.loyalty.ledger.domain.programme import canonical
from services.loyalty.parameters import plain_number
from services.loyalty.programme.api.documents import (
    EXAMPLE,
    ProgrammeDocumentIn,
    ProgrammeDocumentOut,
    read_programme_document,
)
from services.loyalty.programme.api.programme import PREFIX
from services.loyalty.programme.queries.check_document import check_draft
from services.loyalty.programme.queries.versions import (
    SORTS,
    ProgrammeVersionRecord,
    get_version,
    in_force,
    list_versions,
)
from services.loyalty.programme.refusals import (
    ProgrammeInvalid,
    SomethingBooked,
    TooManyVersions,
    VersionInForce,
    VersionNotFound,
    VersionNotLast,
    VersionTooSoon,
)
from services.loyalty.programme.usecases.publish_programme import publish_programme
from services.loyalty.programme.usecases.withdraw_programme import withdraw_programme
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
"""The roles that decide what members are promised."""
HASH = hash_of("").hex()

router = Router(tags=["programme"])

VersionInPath = Annotated[str, Path(max_length=ID_MAX, examples=["prog_2"])]


class ProgrammeVersionState(StrEnum):
    """Whether a version is in force: it will be, it is, another one is by now, or it was withdrawn before it was."""

    SCHEDULED = "scheduled"
    IN_FORCE = "in_force"
    FORMER = "former"
    WITHDRAWN = "withdrawn"


class ProgrammeVersionOut(Response):
    """A version of what the programme promises."""

    id: str
    version: int
    state: ProgrammeVersionState
    in_force_from: datetime | None = Field(description="Null: from the beginning.")
    hash: str = Field(description="The SHA-256 of the document, in hexadecimal digits.")
    published_by: Annotated[str | None, ACTOR] = Field(description="Operators only.")
    published_at: datetime
    withdrawn_at: datetime | None


class ProgrammeVersionDetailOut(ProgrammeVersionOut):
    """A version of what the programme promises, with its document."""

    model_config = example(
        id="prog_2", version=2, state="scheduled", in_force_from="2026-04-01T00:00:00Z", hash=HASH, published_by="operator:li.lei",
        published_at="2026-03-01T09:30:00Z", withdrawn_at=None, document=EXAMPLE,
    )  # fmt: skip

    document: ProgrammeDocumentOut


BeginsAt = Annotated[
    InstantIn | None,
    Field(
        description="At least a minute ahead, and after every other version. Null: from the beginning, in place of all other versions; "
        "only while nothing is booked."
    ),
]


class ProgrammeVersionIn(Request):
    """A document, and the instant from which it is promised."""

    model_config = example(in_force_from="2190-01-01T00:00:00Z", document=EXAMPLE)

    in_force_from: BeginsAt
    document: ProgrammeDocumentIn


class ProgrammeCheckIn(Request):
    """A document that is only checked."""

    model_config = example(document=EXAMPLE)

    document: ProgrammeDocumentIn


class ProgrammeCheckOut(Response):
    """A document in which nothing is wrong."""

    model_config = example(hash=HASH)

    hash: str = Field(description="The hash that the document would have.")


@router.get(
    "/v1/programme/versions",
    operation_id="list_programme_versions",
    summary="List versions of the programme",
    allow=allow(OPERATORS),
    errors=(CursorInvalid,),
)
async def get_versions(
    read: Reading,
    context: InContext[Settings],
    listing: Annotated[Listing[NoFilters], listed_by(NoFilters, sorts=SORTS)],
) -> Page[ProgrammeVersionOut]:
    """List the versions of what the programme promises, the newest first."""
    records = await list_versions(read, listing.slice)
    current = await in_force(read, context, context.clock.now())
    shown = [_summary(context, record, current) for record in listing.shown(records)]
    return listing.page(records, listing.sort_key, shown)


@router.get(
    "/v1/programme/versions/{version_id}",
    operation_id="get_programme_version",
    summary="Read a version of the programme",
    allow=allow(OPERATORS),
    errors=(VersionNotFound,),
)
async def get_one(
    read: Reading, context: InContext[Settings], version_id: VersionInPath
) -> ProgrammeVersionDetailOut:
    """Read a version of what the programme promises, with its document."""
    return await version_shown(read, context, plain_number(PREFIX, version_id))


@router.post(
    "/v1/programme/versions",
    operation_id="publish_programme_version",
    summary="Publish a version of the programme",
    allow=allow(PUBLISHERS),
    idempotency="required",
    status_code=201,
    location="/v1/programme/versions/{id}",
    errors=(ProgrammeInvalid, VersionTooSoon, VersionNotLast, SomethingBooked, TooManyVersions),
)
async def post_version(
    tx: Transaction, context: InContext[Settings], caller: Caller, body: ProgrammeVersionIn
) -> ProgrammeVersionDetailOut:
    """Publish what is promised from an instant on. Until then it can be withdrawn.

    Nothing that is booked changes. Members whose spend reaches another tier by the new thresholds have it from that instant on.
    """
    document = read_programme_document(body.document)
    version = await publish_programme(tx, context, document, body.in_force_from, caller.key)
    return await version_shown(tx, context, version)


@router.post(
    "/v1/programme/versions/{version_id}:withdraw",
    operation_id="withdraw_programme_version",
    summary="Withdraw a version of the programme",
    allow=allow(PUBLISHERS),
    errors=(VersionNotFound, VersionInForce),
)
async def post_withdrawal(
    tx: Transaction, context: InContext[Settings], version_id: VersionInPath
) -> ProgrammeVersionDetailOut:
    """Withdraw a version before it comes into force. One that was withdrawn stays so."""
    version = plain_number(PREFIX, version_id)
    await withdraw_programme(tx, version)
    return await version_shown(tx, context, version)


@router.post(
    "/v1/programme/versions:validate",
    operation_id="validate_programme",
    summary="Check the document of a programme",
    allow=allow(OPERATORS),
    errors=(ProgrammeInvalid,),
)
async def post_validation(
    read: Reading, context: InContext[Settings], body: ProgrammeCheckIn
) -> ProgrammeCheckOut:
    """Check a document, and write nothing. What is wrong with it is a 422 with a pointer to each place."""
    document = read_programme_document(body.document)
    await check_draft(read, context, document)
    return ProgrammeCheckOut(hash=hash_of(canonical(document)).hex())


async def version_shown(
    read: Read, context: Context[Settings], version: int | None
) -> ProgrammeVersionDetailOut:
    """Return a version as answers show it. Raises VersionNotFound."""
    record = await get_version(read, version)
    summary = _summary(context, record, await in_force(read, context, context.clock.now()))
    return ProgrammeVersionDetailOut(**summary.model_dump(), document=from_json(record.document))


def _summary(context: Context[Settings], record: ProgrammeVersionRecord, current: int) -> ProgrammeVersionOut:
    return ProgrammeVersionOut(
        id=f"{PREFIX}_{record.version}",
        version=record.version,
        state=_state(record, current),
        in_force_from=record.in_force_from,
        hash=record.hash.hex(),
        published_by=context.vault.reveal(record.published_by),
        published_at=record.published_at,
        withdrawn_at=record.withdrawn_at,
    )


def _state(record: ProgrammeVersionRecord, current: int) -> ProgrammeVersionState:
    """Return the state of a version while the version `current` is in force."""
    if record.withdrawn_at is not None:
        return ProgrammeVersionState.WITHDRAWN
    if record.version == current:
        return ProgrammeVersionState.IN_FORCE
    return ProgrammeVersionState.SCHEDULED if record.version > current else ProgrammeVersionState.FORMER
