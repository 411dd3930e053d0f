"""The parts of operations that take a file in and begin a job that imports it."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Query
from starlette.requests import Request as Incoming

from shared import jobs
from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Tx
from shared.files.content import ENCODINGS
from shared.files.imports import PARAMETERS, FileParameters, RequestReader
from shared.files.uploads import (
    MEDIA_TYPE,
    CsvExpected,
    FileRefused,
    look_at,
    must_be_csv,
    raw_pieces,
)
from shared.http import language
from shared.http.jobs import LOCATION, JobOut, shown
from shared.http.language import Language
from shared.http.models import Source
from shared.jobs.refusals import TooManyJobs
from shared.limits import CODE_MAX, IMPORT_BODY_BYTES_MAX

SourceQuery = Annotated[
    Source,
    Query(description="The system that the rows come from: ids are unique within it.", examples=["web"]),
]
EncodingQuery = Annotated[
    str | None,
    Query(
        max_length=CODE_MAX,
        description="Of the file, such as windows-1252; by default UTF-8, UTF-16 and GB18030 are recognised. Other usual spellings of "
        "these names are understood.",
        json_schema_extra={"enum": [*ENCODINGS]},
    ),
]
DryRunQuery = Annotated[
    bool,
    Query(
        description="Try everything and keep nothing: the job tells what would be recorded and what refused."
    ),
]

FILE_OPTIONS: Mapping[str, object] = {
    "idempotency": "optional",
    "body_type": MEDIA_TYPE,
    "body_bytes_max": IMPORT_BODY_BYTES_MAX,
    "errors": (FileRefused, TooManyJobs, CsvExpected),
    "status_code": 202,
    "location": LOCATION,
}
"""The options of every operation that takes a file in."""


def csv_body(rows: str, example: str) -> dict[str, object]:
    """Return the description of a body that is CSV."""
    schema = {"type": "string", "maxLength": IMPORT_BODY_BYTES_MAX}
    return {
        "requestBody": {
            "required": True,
            "description": f"CSV with a header, at most {IMPORT_BODY_BYTES_MAX:,} bytes, in UTF-8 (with or without a byte order "
            f"mark), GB18030 or UTF-16. {rows}",
            "content": {MEDIA_TYPE: {"schema": schema, "example": example}},
        }
    }


async def begin_import(
    tx: Tx,
    context: Context,
    caller: Principal,
    incoming: Incoming,
    reader: RequestReader[object],
    parameters: FileParameters,
) -> JobOut:
    """Look at the file that a request brought, and queue the job that imports it."""
    must_be_csv(incoming.headers.get("content-type", ""))
    content = await incoming.body()
    await look_at(content, reader.kind_of(parameters), parameters.encoding)
    record = await jobs.begin(
        tx,
        context.vault,
        reader.operation,
        caller,
        parameters=PARAMETERS.dump_json(parameters).decode(),
        asked={
            "source": parameters.source,
            "anonymous": parameters.anonymous,
            "dry_run": parameters.dry_run,
            "encoding": parameters.encoding,
        },
        read=raw_pieces(content),
    )
    return shown(context.vault, record)


def spoken(incoming: Incoming) -> Language:
    """Return the language of the file that the job makes."""
    return language.preferred(incoming.headers.get("accept-language", ""))
