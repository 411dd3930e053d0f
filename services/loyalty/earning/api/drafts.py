"""Drafts of rulebooks: documents that are written, compared and tried before they are published."""

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import Field
from pydantic_core import from_json
from starlette.requests import Request as Incoming

from services.loyalty.earning.api.differences import RulebookChangeOut, changes_shown
from services.loyalty.earning.api.documents import (
    EXAMPLE,
    DocumentIn,
    DocumentOut,
    read_document_of_programme,
)
from services.loyalty.earning.api.rulebooks import (
    HASH,
    PREFIX,
    PUBLISHERS,
    InForceFrom,
    RulebookDetailOut,
    rulebook_shown,
)
from services.loyalty.earning.domain.documents import CODE
from services.loyalty.earning.queries.compare_rulebooks import compare_draft
from services.loyalty.earning.queries.drafts import find_draft, list_drafts
from services.loyalty.earning.refusals import (
    BudgetChanged,
    CapChanged,
    DraftNotFound,
    GoalChanged,
    InForceTooSoon,
    NotAfterTheOthers,
    RulebookInvalid,
    RulebookNotFound,
    RulebookTooLarge,
    TooManyDrafts,
    TooManyRulebooks,
)
from services.loyalty.earning.storage.tables import RulebookDraftRecord
from services.loyalty.earning.usecases.delete_draft import delete_draft
from services.loyalty.earning.usecases.publish_draft import publish_draft
from services.loyalty.earning.usecases.save_draft import save_draft
from services.loyalty.ledger.domain.documents import hash_of
from services.loyalty.parameters import plain_number
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.context import Context
from shared.http import language
from shared.http.cursor import CursorInvalid
from shared.http.dependencies import Caller, Expected, InContext, Reading, Transaction
from shared.http.listing import Listing, NoFilters, listed_by
from shared.http.models import Page, Request, Response, example
from shared.http.readers import ACTOR
from shared.http.routes import Router
from shared.limits import CODE_MAX, ID_MAX

router = Router(tags=["rulebook drafts"])

DraftInPath = Annotated[
    str,
    Path(
        max_length=CODE_MAX,
        pattern=CODE,
        description="The name of the draft: small letters, digits and `_`.",
        examples=["spring"],
    ),
]
_DRAFT = {
    "name": "spring",
    "version": 1772355600000000,
    "hash": HASH,
    "changed_by": "operator:li.lei",
    "changed_at": "2026-03-01T09:00:00Z",
}


class RulebookDraftOut(Response):
    """A document that may become a rulebook."""

    model_config = example(**_DRAFT)

    name: str
    version: int = Field(
        description="Rises with each change, also the beginning of its ETag.",
    )
    hash: str = Field(description="The SHA-256 of the document, in hexadecimal digits.")
    changed_by: Annotated[str | None, ACTOR] = Field(description="Operators only.")
    changed_at: datetime


class RulebookDraftDetailOut(RulebookDraftOut):
    """A draft with its document."""

    model_config = example(**_DRAFT, document=EXAMPLE)

    document: DocumentOut


class RulebookDraftIn(Request):
    """The document of a draft."""

    model_config = example(document=EXAMPLE)

    document: DocumentIn


class DraftPublicationIn(Request):
    """The instant from which members earn by the document of a draft."""

    model_config = example(in_force_from="2191-01-01T00:00:00Z")

    in_force_from: InForceFrom


class RulebookDraftChangesOut(Response):
    """All differences between a draft and a rulebook."""

    model_config = example(
        name="spring", compared_with="rules_1",
        items=[
            {
                "part": "rules", "code": "base", "field": "rates", "before": '{"CNY": 1}', "after": '{"CNY": 2}',
                "detail": 'Rule base: rates was {"CNY": 1} and is {"CNY": 2}.',
            }
        ],
    )  # fmt: skip

    name: str
    compared_with: str
    items: list[RulebookChangeOut]


@router.get(
    "/v1/rulebook-drafts",
    operation_id="list_rulebook_drafts",
    summary="List drafts of rulebooks",
    allow=allow(OPERATORS),
    errors=(CursorInvalid,),
)
async def get_drafts(
    read: Reading,
    context: InContext[Settings],
    listing: Annotated[Listing[NoFilters], listed_by(NoFilters)],
) -> Page[RulebookDraftOut]:
    """List the drafts by their names."""
    records = await list_drafts(read, listing.after, listing.rows_max)
    shown = [_summary(context, record) for record in listing.shown(records)]
    return listing.page(records, lambda record: [record.name], shown)


@router.put(
    "/v1/rulebook-drafts/{name}",
    operation_id="save_rulebook_draft",
    summary="Save a draft of a rulebook",
    allow=allow(PUBLISHERS),
    version="version",
    precondition="optional",
    errors=(RulebookInvalid, RulebookTooLarge, CapChanged, GoalChanged, BudgetChanged, TooManyDrafts),
)
async def put_draft(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    precondition: Expected,
    name: DraftInPath,
    body: RulebookDraftIn,
) -> RulebookDraftDetailOut:
    """Create a draft, or replace its document. The document is checked like one that is published.

    Members earn nothing by a draft. With `If-Match` it is saved only while it is as you have read it, so that nobody's work is
    lost. The same document once more changes nothing.
    """
    document = await read_document_of_programme(tx, context, body.document)
    return _detail(context, await save_draft(tx, context, name, document, caller.key, precondition))


@router.get(
    "/v1/rulebook-drafts/{name}",
    operation_id="get_rulebook_draft",
    summary="Read a draft of a rulebook",
    allow=allow(OPERATORS),
    version="version",
    errors=(DraftNotFound,),
)
async def get_draft(read: Reading, context: InContext[Settings], name: DraftInPath) -> RulebookDraftDetailOut:
    """Read a draft with its document."""
    return _detail(context, await find_draft(read, name))


@router.get(
    "/v1/rulebook-drafts/{name}/changes",
    operation_id="compare_rulebook_draft",
    summary="Compare a draft with a rulebook",
    allow=allow(OPERATORS),
    errors=(DraftNotFound, RulebookNotFound),
)
async def get_draft_changes(
    read: Reading,
    context: InContext[Settings],
    incoming: Incoming,
    name: DraftInPath,
    compared_with: Annotated[
        str | None,
        Query(
            max_length=ID_MAX,
            description="The id of the rulebook; by default the one that is in force.",
            examples=["rules_1"],
        ),
    ] = None,
) -> RulebookDraftChangesOut:
    """Say in sentences what is new, what is gone and what changed in the rules, goals, groups and caps of a draft."""
    draft = await find_draft(read, name)
    other = None if compared_with is None else plain_number(PREFIX, compared_with) or 0
    former, differences = await compare_draft(read, draft.document, other, context.clock.now())
    spoken = language.preferred(incoming.headers.get("accept-language", ""))
    return RulebookDraftChangesOut(
        name=name, compared_with=f"{PREFIX}_{former}", items=changes_shown(differences, spoken)
    )


@router.post(
    "/v1/rulebook-drafts/{name}:publish",
    operation_id="publish_rulebook_draft",
    summary="Publish a draft of a rulebook",
    allow=allow(PUBLISHERS),
    idempotency="required",
    version="version",
    precondition="optional",
    status_code=201,
    location="/v1/rulebooks/{id}",
    errors=(
        DraftNotFound,
        RulebookInvalid,
        InForceTooSoon,
        NotAfterTheOthers,
        CapChanged,
        GoalChanged,
        BudgetChanged,
        TooManyRulebooks,
    ),
)
async def post_draft_publication(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    precondition: Expected,
    name: DraftInPath,
    body: DraftPublicationIn,
) -> RulebookDetailOut:
    """Publish the document of a draft from an instant on, and delete the draft.

    With `If-Match` it is published only while it is as you have read it.
    """
    version = await publish_draft(tx, context, name, body.in_force_from, caller.key, precondition)
    return await rulebook_shown(tx, context, version)


@router.delete(
    "/v1/rulebook-drafts/{name}",
    operation_id="delete_rulebook_draft",
    summary="Delete a draft of a rulebook",
    allow=allow(PUBLISHERS),
    version="version",
    precondition="optional",
    errors=(DraftNotFound,),
)
async def delete_draft_named(
    tx: Transaction, context: InContext[Settings], precondition: Expected, name: DraftInPath
) -> RulebookDraftDetailOut:
    """Delete a draft, and answer what it was. With `If-Match` it is deleted only while it is as you have read it."""
    return _detail(context, await delete_draft(tx, context, name, precondition))


def _summary(context: Context[Settings], record: RulebookDraftRecord) -> RulebookDraftOut:
    return RulebookDraftOut(
        name=record.name,
        version=record.version,
        hash=hash_of(record.document).hex(),
        changed_by=context.vault.reveal(record.changed_by),
        changed_at=record.changed_at,
    )


def _detail(context: Context[Settings], record: RulebookDraftRecord) -> RulebookDraftDetailOut:
    summary = _summary(context, record)
    return RulebookDraftDetailOut(**summary.model_dump(), document=from_json(record.document))
