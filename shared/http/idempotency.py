"""Idempotency-Key: a request that is repeated has one effect and one answer.

In the transaction, in this order: the lock of (principal, operation, key), without waiting; in a second statement (a
new snapshot) the stored answer; the use case; the answer's status and bytes. Only what commits is kept: a refusal
wrote nothing and may be sent again.
"""

import json
import re
from collections.abc import Callable, Coroutine
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
from shared.context import Runtime
from shared.db import Tx, kernel_metadata
from shared.db.types import Id, Instant, Sealed
from shared.errors import DomainError, Kind
from shared.http import bodies
from shared.http.dependencies import KEY_HASH, PRINCIPAL
from shared.http.operation import Operation
from shared.http.problems import MalformedJson
from shared.vault import Vault

HEADER = "idempotency-key"
HIT_HEADER = "Idempotency-Hit"
KEY_CHARACTERS_MAX = 255
KEPT_FOR = timedelta(hours=48)
"""How long an answer is kept: 24 hours are promised."""
PRUNE_PAGE = 5_000
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_KEY_PURPOSE, _BODY_PURPOSE, _SEALED_FIELD = "idempotency_key", "idempotency_body", "idempotency_answer"


class IdempotencyColumns(TypedColumns):
    """One answer that was given; the key and the request are in it as keyed hashes only."""

    principal: Named[str] = Column(Id, primary_key=True)
    operation: Named[str] = Column(Text, primary_key=True)
    key_hash: Named[bytes] = Column(Sealed, primary_key=True)
    body_hash: Named[bytes] = Column(Sealed, nullable=False)
    status: Named[int] = Column(SmallInteger, nullable=False)
    body: Named[bytes] = Column(Sealed, nullable=False)
    identity_id: Named[str | None] = Column(Id)
    at: Named[datetime] = Column(Instant, nullable=False)


answers = Table(
    "idempotency",
    kernel_metadata,
    IdempotencyColumns,
    Index("idempotency_at", "at"),
    Index("idempotency_identity", "identity_id"),
)


class KeyRequired(DomainError):
    """The operation moves something and the request has no Idempotency-Key."""

    kind, code = Kind.BAD_REQUEST, "idempotency_key_required"


class KeyInvalid(DomainError):
    """The Idempotency-Key cannot be used as one."""

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
    """Run the operation, or give the answer it gave before."""
    key = _key(operation, request)
    if key is None:
        return await run(request)
    body_hash = vault.digest(_BODY_PURPOSE, await _canonical(request))
    principal = cast(Principal, request.scope[PRINCIPAL]).key
    key_hash = vault.digest(_KEY_PURPOSE, "\x1f".join((principal, operation.id, key)).encode())
    request.scope[KEY_HASH] = key_hash
    if not await tx.try_lock(key_hash):
        raise RequestInProgress
    if (kept := await _kept(tx, vault, principal, operation.id, key_hash, body_hash)) is not None:
        return kept
    response = await run(request)
    if 200 <= response.status_code < 300:
        row = {
            "principal": principal,
            "operation": operation.id,
            "key_hash": key_hash,
            "body_hash": body_hash,
            "status": response.status_code,
            "body": vault.seal(_SEALED_FIELD, bytes(response.body).decode()),
            "identity_id": None,
            "at": tx.now,
        }
        await tx.insert_many(answers, [row])
    return response


async def prune(runtime: Runtime) -> int:
    """Forget the answers whose time is over, a page a transaction; returns how many. A job of every service."""
    forgotten = 0
    while True:
        async with runtime.database.begin() as tx:
            over = tx.now - KEPT_FOR
            page = select(answers.c.at).where(answers.c.at < over).order_by(answers.c.at)
            last = await tx.scalar(page.offset(PRUNE_PAGE - 1).limit(1))
            count = await tx.execute(
                delete(answers).where(answers.c.at < over if last is None else answers.c.at <= last)
            )
        forgotten += count
        if last is None:
            return forgotten


async def _kept(
    tx: Tx, vault: Vault, principal: str, operation: str, key_hash: bytes, body_hash: bytes
) -> Response | None:
    named = {"of": principal, "operation_id": operation, "under": key_hash}
    found = await tx.first(_STORED, named)
    if found is None:
        return None
    if found.body_hash != body_hash:
        raise KeyReused
    content = vault.open(_SEALED_FIELD, found.body).encode()
    return Response(content, found.status, {HIT_HEADER: "true"}, media_type="application/json")


def _key(operation: Operation, request: Request) -> str | None:
    given = request.headers.getlist(HEADER)
    if not given:
        if operation.idempotency == "required":
            raise KeyRequired
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise KeyInvalid
    return given[0]


async def _canonical(request: Request) -> bytes:
    """The request in one spelling: path, query and the body with its names sorted."""
    target = [request.scope["path"], request.scope["query_string"].decode("latin-1")]
    try:
        parsed = await bodies.document(request)
        return json.dumps([*target, parsed], sort_keys=True, separators=(",", ":")).encode()
    except RecursionError:  # nested a little less deep than the parser bears
        raise MalformedJson from None


_STORED = select(answers.c.body_hash, answers.c.status, answers.c.body).where(
    answers.c.principal == bindparam("of"),
    answers.c.operation == bindparam("operation_id"),
    answers.c.key_hash == bindparam("under"),
)
"""Built once: building a statement costs more than asking it."""
