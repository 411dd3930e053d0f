"""Idempotency-Key: a repeated request has one effect and one answer.

The transaction takes four steps. It takes the lock of (principal, operation, key) without waiting. In a second statement,
which has a new snapshot, it reads the stored answer. If there is none, it runs the use case. It stores the status and the
bytes of the answer. A refusal rolls back and stores nothing, so the request may be sent again.
"""

import json
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from fastapi import Response
from sqlalchemy import (
    Column,
    Index,
    Named,
    SmallInteger,
    Table,
    Text,
    TypedColumns,
    bindparam,
    delete,
    select,
)
from starlette.requests import Request

from shared.auth.principal import Principal
from shared.context import Context
from shared.db import Tx, columns_of, kernel_metadata, record_of
from shared.db.types import Id, Instant, Sealed
from shared.errors import DomainError, Kind
from shared.http import bodies
from shared.http.dependencies import KEY_HASH, PRINCIPAL, SUBJECT
from shared.http.operation import Operation
from shared.http.problems import MalformedJson
from shared.vault import Vault

HEADER = "idempotency-key"
HIT_HEADER = "Idempotency-Hit"
KEY_CHARACTERS_MAX = 255
KEPT_FOR = timedelta(hours=48)
"""The time for which an answer is kept. The API promises 24 hours."""
PRUNE_PAGE = 5_000
KEY_PATTERN = r"^[\x21-\x7e]+$"
_KEY = re.compile(rf"[\x21-\x7e]{{1,{KEY_CHARACTERS_MAX}}}")
_KEY_PURPOSE, _BODY_PURPOSE, _SEALED_FIELD = "idempotency_key", "idempotency_body", "idempotency_answer"


class IdempotencyColumns(TypedColumns):
    """An answer that was given. The key and the request are stored as keyed hashes only."""

    principal: Named[str] = Column(Id, primary_key=True)
    operation: Named[str] = Column(Text, primary_key=True)
    key_hash: Named[bytes] = Column(Sealed, primary_key=True)
    body_hash: Named[bytes] = Column(Sealed, nullable=False)
    status: Named[int] = Column(SmallInteger, nullable=False)
    body: Named[bytes] = Column(Sealed, nullable=False)
    at: Named[datetime] = Column(Instant, nullable=False)


answers = Table(
    "idempotency",
    kernel_metadata,
    IdempotencyColumns,
    Index("idempotency_at", "at"),
)


@record_of(answers)
@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """One answer that was given."""

    principal: str
    operation: str
    key_hash: bytes
    body_hash: bytes
    status: int
    body: bytes
    at: datetime


class KeyRequired(DomainError):
    """The operation needs an Idempotency-Key, and the request has none."""

    kind, code = Kind.BAD_REQUEST, "idempotency_key_required"


class KeyInvalid(DomainError):
    """The Idempotency-Key has a form that is not allowed."""

    kind, code = Kind.BAD_REQUEST, "idempotency_key_invalid"


class KeyReused(DomainError):
    """The Idempotency-Key was used for another request."""

    kind, code = Kind.INVALID, "idempotency_key_reused"


class RequestInProgress(DomainError):
    """The first request with this Idempotency-Key is still running."""

    kind, code = Kind.CONFLICT, "request_in_progress"
    retry_after_seconds = 1


async def once(
    tx: Tx,
    vault: Vault,
    operation: Operation,
    request: Request,
    run: Callable[[Request], Coroutine[Any, Any, Response]],
) -> Response:
    """Run the operation, or return the answer that it gave to the same request before."""
    key = _key(operation, request)
    if key is None:
        return await run(request)
    body_hash = vault.digest(_BODY_PURPOSE, await _canonical(request, operation))
    principal = cast(Principal, request.scope[PRINCIPAL]).key
    subject = cast(str, request.scope[SUBJECT])
    key_hash = vault.digest(_KEY_PURPOSE, "\x1f".join((subject, operation.id, key)).encode())
    request.scope[KEY_HASH] = key_hash
    if not await tx.try_lock(key_hash):
        raise RequestInProgress
    answer = await _stored_answer(tx, vault, principal, operation.id, key_hash, body_hash)
    if answer is not None:
        return answer
    response = await run(request)
    if 200 <= response.status_code < 300:
        record = IdempotencyRecord(
            principal=principal,
            operation=operation.id,
            key_hash=key_hash,
            body_hash=body_hash,
            status=response.status_code,
            body=vault.seal(_SEALED_FIELD, bytes(response.body).decode()),
            at=tx.now,
        )
        await tx.insert_records(answers, [record])
    return response


async def prune(tx: Tx, _context: Context) -> int:
    """Delete one page of the answers that are older than KEPT_FOR, and return their number."""
    over = tx.now - KEPT_FOR
    page = select(answers.c.at).where(answers.c.at < over).order_by(answers.c.at)
    last = await tx.scalar(page.offset(PRUNE_PAGE - 1).limit(1))
    return await tx.execute(
        delete(answers).where(answers.c.at < over if last is None else answers.c.at <= last)
    )


async def _stored_answer(
    tx: Tx, vault: Vault, principal: str, operation: str, key_hash: bytes, body_hash: bytes
) -> Response | None:
    named = {"of": principal, "operation_id": operation, "under": key_hash}
    record = await tx.read_record(IdempotencyRecord, _STORED, named)
    if record is None:
        return None
    if record.body_hash != body_hash:
        raise KeyReused
    content = vault.open(_SEALED_FIELD, record.body).encode()
    return Response(content, record.status, {HIT_HEADER: "true"}, media_type="application/json")


def _key(operation: Operation, request: Request) -> str | None:
    given = request.headers.getlist(HEADER)
    if not given:
        if operation.idempotency == "required":
            raise KeyRequired
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise KeyInvalid
    return given[0]


async def _canonical(request: Request, operation: Operation) -> bytes:
    """Return the path, the query and the body in one form: names sorted, no spaces. A body that is no JSON stays as it is."""
    target = [request.scope["path"], request.scope["query_string"].decode("latin-1")]
    if operation.body_type is not None:
        return json.dumps(target).encode() + b"\n" + await request.body()
    try:
        parsed = await bodies.document(request)
        return json.dumps([*target, parsed], sort_keys=True, separators=(",", ":")).encode()
    except RecursionError:  # the body is nested almost as deep as the parser allows
        raise MalformedJson from None


_STORED = select(*columns_of(answers, IdempotencyRecord)).where(
    answers.c.principal == bindparam("of"),
    answers.c.operation == bindparam("operation_id"),
    answers.c.key_hash == bindparam("under"),
)
"""The statement is built once, because building it costs more than running it."""
