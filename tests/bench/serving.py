"""A service in a process of its own, with baselines beside its operations: in the same app, behind the same edge, with
the same authorisation.

python -m tests.bench.serving loyalty|profile     (HUITOU_HOME, HUITOU_PORT_BASE, HUITOU_<SERVICE>_DATABASE_URL)
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, cast
from urllib.parse import urlsplit

import asyncpg
import uvloop
from fastapi import FastAPI, Response
from fastapi import Path as InPath
from pydantic_core import from_json, to_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from shared import logs
from shared.auth.access import OPERATORS, allow
from shared.http.app import build_app
from shared.http.routes import Router
from shared.run import garbage
from shared.run.serving import listen, serve
from shared.run.stopping import stop_on_signals
from shared.service import Service
from shared.service.opening import open_runtime
from tests.bench.bare_facts import BareFacts, PostgresFacts, SqliteFacts
from tests.parts import databases
from tests.parts.till import NewSale, SaleOut

CONSTANT, BARE_MEMBER, BARE_FACTS = "/v1/bench/constant", "/v1/bench/members", "/v1/bench/facts"
CHECKED = "/v1/bench/checked"
BARE_OFFSET = 5
"""The port of the bare app is the first port plus this."""
POOL = 10

_MEMBER = """
SELECT wallet.owner_id, wallet.active, wallet.pending, wallet.held, wallet.owed, wallet.next_due_at, wallet.spend,
tier_state.tier, tier_state.since, tier_state.due_at, programme.timeline
FROM wallet JOIN programme ON programme.id = wallet.programme_id
LEFT JOIN tier_state ON tier_state.programme_id = wallet.programme_id AND tier_state.owner_id = wallet.owner_id
WHERE wallet.owner_id = (SELECT owner_id FROM wallet WHERE identity_id = $1 AND programme_id = 1) AND wallet.programme_id = 1
"""
_PROMISED = "SELECT document FROM programme_version ORDER BY version DESC LIMIT 1"

CustomerId = Annotated[str, InPath(max_length=64)]


def constant() -> Router:
    """The same bytes for everybody."""
    router = Router(tags=["bench"])
    answer = json.dumps(
        {"customer_id": "", "programme": "default", "tier": None, "points": {"active": 0}}
    ).encode()

    @router.get(
        CONSTANT + "/{customer_id}",
        operation_id="bench_constant",
        summary="Constant",
        allow=allow(OPERATORS, customer="self"),
    )
    async def read(customer_id: CustomerId) -> Response:
        """Answer."""
        return Response(answer, media_type="application/json")

    return router


def checked() -> Router:
    """A body that is read and validated, an answer that is made of it, and nothing stored."""
    router = Router(tags=["bench"])

    @router.post(
        CHECKED, operation_id="bench_checked", summary="Checked", allow=allow({"agent", "manager", "admin"})
    )
    async def check(body: NewSale) -> SaleOut:
        """Add up."""
        return SaleOut(id="sal_bench", amount_minor=sum(line.amount_minor for line in body.lines))

    return router


def bare_app() -> Starlette:
    """The same two routes without an edge: the least that Starlette and the server cost."""
    answer = to_json({"customer_id": "", "programme": "default", "tier": None, "points": {"active": 0}})

    async def read(_: Request) -> Response:
        return Response(answer, media_type="application/json")

    async def check(request: Request) -> Response:
        lines = from_json(await request.body())["lines"]
        amount = sum(line["amount_minor"] for line in lines)
        return Response(to_json({"id": "sal_bench", "amount_minor": amount}), media_type="application/json")

    return Starlette(
        routes=[Route(CONSTANT + "/{customer_id}", read), Route(CHECKED, check, methods=["POST"])]
    )


def bare_member(pool: asyncpg.Pool) -> Router:
    """The balance read on the driver's own pool: the same statement, the same answer."""
    router = Router(tags=["bench"])
    promised: dict[bytes, Any] = {}

    @router.get(
        BARE_MEMBER + "/{customer_id}",
        operation_id="bench_member",
        summary="Member",
        allow=allow(OPERATORS, customer="self"),
    )
    async def read(customer_id: CustomerId) -> Response:
        """Read."""
        rows = await pool.fetch(_MEMBER, customer_id)
        timeline = rows[0]["timeline"]
        if timeline not in promised:
            promised[timeline] = from_json(await pool.fetchval(_PROMISED))
        return Response(to_json(_answer(rows, promised[timeline])), media_type="application/json")

    return router


def bare_facts(facts: BareFacts) -> Router:
    """Intake without a customer to find: parse the body and keep it."""
    router = Router(tags=["bench"])

    @router.post(
        BARE_FACTS, operation_id="bench_facts", summary="Facts", allow=allow({"agent", "manager", "admin"})
    )
    async def keep(incoming: Request) -> Response:
        """Keep."""
        items = from_json(await incoming.body())["items"]
        await facts.keep(
            [
                (item["order_id"], item["source"], item["purchased_at"], len(item["lines"]), json.dumps(item))
                for item in items
            ]
        )
        return Response(to_json({"kept": len(items)}), media_type="application/json")

    return router


def _answer(rows: list[Any], programme: Any) -> dict[str, Any]:
    spend = sum(row["spend"] for row in rows)
    level = max(
        at for at, tier in enumerate(programme["tiers"]) if spend >= tier["from_spend"] * 100 or at == 0
    )
    tier, above = programme["tiers"][level], programme["tiers"][level + 1 : level + 2]
    following = (
        {"code": above[0]["code"], "missing_minor": above[0]["from_spend"] * 100 - spend} if above else None
    )
    return {
        "customer_id": rows[0]["owner_id"],
        "programme": "default",
        "tier": {
            "code": tier["code"], "name_en": tier["name_en"], "name_zh": tier["name_zh"], "since": rows[0]["since"],
            "spend_minor": spend, "currency": programme["currency"], "next": following,
        },
        "points": {
            "active": sum(row["active"] - row["owed"] for row in rows),
            "pending": sum(row["pending"] for row in rows),
            "held": sum(row["held"] for row in rows),
        },
        "after": None,
    }  # fmt: skip


@asynccontextmanager
async def _baselines(service: Service) -> AsyncIterator[list[Router]]:
    url = urlsplit(service.settings.database)
    if url.scheme == "sqlite":
        yield [constant(), checked(), bare_facts(SqliteFacts(service.settings.home / "facts.db"))]
        return
    async with asyncpg.create_pool(
        url._replace(scheme="postgresql").geturl(), min_size=POOL, max_size=POOL
    ) as pool:
        async with pool.acquire() as connection:
            facts = PostgresFacts(connection)
            await facts.prepare()
            yield [constant(), checked(), bare_member(pool), bare_facts(facts)]


async def _run(service: Service) -> None:
    async with open_runtime(service) as runtime, _baselines(service) as baselines:
        app = build_app(service, runtime)
        for router in baselines:
            app.router.routes.extend(router.routes)
        garbage.seldom()
        stopping, bare = stop_on_signals(), cast(FastAPI, bare_app())
        ports = service.settings.port, service.settings.port_base + BARE_OFFSET
        await asyncio.gather(
            *(
                serve(served, listen("127.0.0.1", port), stopping)
                for served, port in zip((app, bare), ports, strict=True)
            )
        )


if __name__ == "__main__":
    logs.configure(sys.argv[1])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(databases.service_of(sys.argv[1], Path(sys.argv[2]))))
