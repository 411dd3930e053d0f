"""The draft of the programme: a document that is written and compared before it is published."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field
from pydantic_core import from_json
from starlette.requests import Request as Incoming

from services.loyalty.ledger.domain.documents import hash_of
from services.loyalty.parameters import plain_number
from services.loyalty.programme.api.differences import CHANGE, ProgrammeChangeOut, changes_shown
from services.loyalty.programme.api.documents import (
    EXAMPLE,
    ProgrammeDocumentIn,
    ProgrammeDocumentOut,
    read_programme_document,
)
from services.loyalty.programme.api.programme import PREFIX
from services.loyalty.programme.api.versions import (
    HASH,
    PUBLISHERS,
    BeginsAt,
    ProgrammeVersionDetailOut,
    version_shown,
)
from services.loyalty.programme.queries.compare_programmes import compare_draft
from services.loyalty.programme.queries.draft import ProgrammeDraftRecord, find_draft
from services.loyalty.programme.refusals import (
    DraftNotFound,
    ProgrammeInvalid,
    SomethingBooked,
    TooManyVersions,
    VersionNotFound,
    VersionNotLast,
    VersionTooSoon,
)
from services.loyalty.programme.usecases.delete_programme_draft import delete_programme_draft
from services.loyalty.programme.usecases.publish_programme_draft import publish_programme_draft
from services.loyalty.programme.usecases.save_programme_draft import save_programme_draft
from services.loyalty.settings import Settings
from shared.auth.access import OPERATORS, allow
from shared.context import Context
from shared.http import language
from shared.http.dependencies import Caller, Expected, InContext, Reading, Transaction
from shared.http.models import Request, Response, example
from shared.http.readers import ACTOR
from shared.http.routes import Router
from shared.limits import ID_MAX

router = Router(tags=["programme"])


class ProgrammeDraftOut(Response):
    """A document that may become a version of the programme."""

    model_config = example(
        version=1772355600000000, hash=HASH, changed_by="operator:li.lei", changed_at="2026-03-01T09:00:00Z",
        document=EXAMPLE,
    )  # fmt: skip

    version: int = Field(description="Rises with each change, also the beginning of its ETag.")
    hash: str = Field(description="The SHA-256 of the document, in hexadecimal digits.")
    changed_by: Annotated[str | None, ACTOR] = Field(description="Operators only.")
    changed_at: datetime
    document: ProgrammeDocumentOut


class ProgrammeDraftIn(Request):
    """The document of the draft."""

    model_config = example(document=EXAMPLE)

    document: ProgrammeDocumentIn


class ProgrammePublicationIn(Request):
    """The instant from which the document of the draft is promised."""

    model_config = example(in_force_from="2191-01-01T00:00:00Z")

    in_force_from: BeginsAt


class ProgrammeDraftChangesOut(Response):
    """All differences between the draft and a version of the programme."""

    model_config = example(compared_with="prog_1", items=[CHANGE])

    compared_with: str
    items: list[ProgrammeChangeOut]


@router.put(
    "/v1/programme/draft",
    operation_id="save_programme_draft",
    summary="Save the draft of the programme",
    allow=allow(PUBLISHERS),
    version="version",
    precondition="optional",
    errors=(ProgrammeInvalid,),
)
async def put_draft(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    precondition: Expected,
    body: ProgrammeDraftIn,
) -> ProgrammeDraftOut:
    """Create the draft, or replace its document. The document is checked like one that is published.

    With `If-Match` it is saved only while it is as you have read it, so that nobody's work is lost. The same document once more
    changes nothing.
    """
    document = read_programme_document(body.document)
    return _shown(context, await save_programme_draft(tx, context, document, caller.key, precondition))


@router.get(
    "/v1/programme/draft",
    operation_id="get_programme_draft",
    summary="Read the draft of the programme",
    allow=allow(OPERATORS),
    version="version",
    errors=(DraftNotFound,),
)
async def get_draft(read: Reading, context: InContext[Settings]) -> ProgrammeDraftOut:
    """Read the draft with its document."""
    return _shown(context, await find_draft(read))


@router.get(
    "/v1/programme/draft/changes",
    operation_id="compare_programme_draft",
    summary="Compare the draft with a version of the programme",
    allow=allow(OPERATORS),
    errors=(DraftNotFound, VersionNotFound),
)
async def get_draft_changes(
    read: Reading,
    context: InContext[Settings],
    incoming: Incoming,
    compared_with: Annotated[
        str | None,
        Query(
            max_length=ID_MAX,
            description="The id of the version; by default the one that is in force.",
            examples=["prog_1"],
        ),
    ] = None,
) -> ProgrammeDraftChangesOut:
    """Say in sentences what the draft changes of what the programme promises."""
    draft = await find_draft(read)
    other = None if compared_with is None else plain_number(PREFIX, compared_with) or 0
    former, differences = await compare_draft(read, context, draft.document, other)
    spoken = language.preferred(incoming.headers.get("accept-language", ""))
    return ProgrammeDraftChangesOut(
        compared_with=f"{PREFIX}_{former}", items=changes_shown(differences, spoken)
    )


@router.post(
    "/v1/programme/draft:publish",
    operation_id="publish_programme_draft",
    summary="Publish the draft of the programme",
    allow=allow(PUBLISHERS),
    idempotency="required",
    precondition="optional",
    version="version",
    status_code=201,
    location="/v1/programme/versions/{id}",
    errors=(
        DraftNotFound,
        ProgrammeInvalid,
        VersionTooSoon,
        VersionNotLast,
        SomethingBooked,
        TooManyVersions,
    ),
)
async def post_draft_publication(
    tx: Transaction,
    context: InContext[Settings],
    caller: Caller,
    precondition: Expected,
    body: ProgrammePublicationIn,
) -> ProgrammeVersionDetailOut:
    """Publish the document of the draft from an instant on, and delete the draft.

    With `If-Match` it is published only while it is as you have read it.
    """
    version = await publish_programme_draft(tx, context, body.in_force_from, caller.key, precondition)
    return await version_shown(tx, context, version)


@router.delete(
    "/v1/programme/draft",
    operation_id="delete_programme_draft",
    summary="Delete the draft of the programme",
    allow=allow(PUBLISHERS),
    version="version",
    precondition="optional",
    errors=(DraftNotFound,),
)
async def delete_draft(
    tx: Transaction, context: InContext[Settings], precondition: Expected
) -> ProgrammeDraftOut:
    """Delete the draft, and answer what it was. With `If-Match` it is deleted only while it is as you have read it."""
    return _shown(context, await delete_programme_draft(tx, context, precondition))


def _shown(context: Context[Settings], record: ProgrammeDraftRecord) -> ProgrammeDraftOut:
    return ProgrammeDraftOut(
        version=record.version,
        hash=hash_of(record.document).hex(),
        changed_by=context.vault.reveal(record.changed_by),
        changed_at=record.changed_at,
        document=from_json(record.document),
    )
