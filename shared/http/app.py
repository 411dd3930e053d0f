"""The app of a service: its own operations, and the operations that every service has."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Response
from fastapi.telemetry import TelemetryConfig
from starlette.requests import Request

from shared.api_keys import ApiKeys
from shared.context import Runtime
from shared.db import failures
from shared.db.migrations import Migrations
from shared.http import (
    api_keys,
    approvals,
    audit,
    cors,
    documents,
    guard,
    health,
    jobs,
    limits,
    monitoring,
    openapi,
    rates,
    refusals,
    set_aside,
    stopped_partitions,
    topics,
)
from shared.http.edge import Edge
from shared.http.health import DatabaseCheck, DiskCheck, Health, Issue, KeysCheck, LogCheck, LossCheck
from shared.http.limiter import Limiter
from shared.http.routes import READ_SECONDS_MAX, Route, Router
from shared.limits import BODY_BYTES_MAX
from shared.metrics import CONTENT_TYPE, Metrics
from shared.service.opening import open_runtime
from shared.service.service import Service

_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""FastAPI's own telemetry looks in the environment at each request. The product has its own metrics, log and trace contexts."""


class RepeatedOperationId(TypeError):
    """Two operations have the same id."""


def build_app(service: Service, runtime: Runtime | None = None, *, metrics: Metrics | None = None) -> FastAPI:
    """Build the ASGI app of a service.

    With a `runtime` it answers at once, and the caller closes the runtime. Without one, it opens its own when it starts and
    closes it when it stops. `app.state` has `runtime`, `health` (add checks, set `draining`) and `metrics`.
    """
    app = FastAPI(
        title=service.title,
        description=service.description
        + documents.HOW_TO_AUTHORISE
        + documents.LIMITS
        + cors.IN_WORDS
        + rates.in_words(service.settings),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
        lifespan=_lifespan(service, runtime),
    )
    app.state.metrics = metrics or Metrics(service.name)
    app.state.metrics.read.append(service.gauges)
    app.state.health = Health()
    app.state.private = False
    app.state.find_external = service.find_external
    app.state.customer_of = service.customer_of
    app.state.find_owners = service.find_owners
    app.state.tags = {
        **service.tags,
        **approvals.TAG,
        **audit.TAG,
        **api_keys.TAG,
        **set_aside.TAG,
        **jobs.TAG,
        **health.TAG,
    }
    for router in (*service.routers, *kernel_routers(service), health.router):
        app.router.routes.extend(router.routes)
    listed = openapi.operations(app.router.routes)
    _check(listed)
    for route in listed:
        route.leave_actions_to(listed)
    documents.install(app, service.name, service.words)
    app.router.add_route("/metrics", _metrics, methods=["GET"], include_in_schema=False)
    refusals.install(app)
    app.add_middleware(
        Edge,
        metrics=app.state.metrics,
        cors=cors.Cors(service.settings.origins_allowed, listed),
        longer_bodies=[
            (route.path_regex, route.operation.body_bytes_max)
            for route in listed
            if route.operation.body_bytes_max > BODY_BYTES_MAX
        ],
    )
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    if runtime is not None:
        _connect(app, service, runtime)
    else:
        app.state.health.gates.append(_starting)
    return app


def kernel_routers(service: Service) -> Sequence[Router]:
    """Return the operations that every service has beside its own, and that need a token."""
    needing = service.approvables
    proposed = (approvals.router_of(service), limits.router_of(needing.values())) if needing else ()
    return (
        *proposed,
        audit.router,
        api_keys.router,
        jobs.router_of(service),
        set_aside.router_of(service),
        stopped_partitions.router,
    )


def build_side_door(service: Service, runtime: Runtime) -> FastAPI:
    """Build the app of a process that answers no requests: its health, and the metrics of its own work."""
    app = _private(service, Metrics(service.name), Health(), _closing)
    _connect(app, service, runtime)
    app.state.metrics.read.clear()  # the process that serves the service reads the figures of the service
    return app


def build_side_door_of(service: Service, app: FastAPI) -> FastAPI:
    """Build the app by which a process that serves `app` tells its health and its metrics to those who need no token."""
    door = _private(service, app.state.metrics, app.state.health)
    door.state.runtime, door.state.api_keys = app.state.runtime, app.state.api_keys
    return door


def _private(service: Service, metrics: Metrics, health_of_process: Health, lifespan: Any = None) -> FastAPI:
    """Build an app for a port that only the operators' own network reaches."""
    app = FastAPI(
        title=service.title,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
        lifespan=lifespan,
    )
    app.state.metrics, app.state.health, app.state.private = metrics, health_of_process, True
    app.router.routes.extend(health.router.routes)
    app.router.add_route("/metrics", _metrics, methods=["GET"], include_in_schema=False)
    refusals.install(app)
    app.add_middleware(Edge, metrics=metrics)
    return app


@asynccontextmanager
async def _closing(app: FastAPI) -> AsyncIterator[None]:
    """End what the checks of health still do when the app stops."""
    try:
        yield
    finally:
        await app.state.health.close()


def _lifespan(service: Service, runtime: Runtime | None) -> Any:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_runtime(service) as opened, _closing(app):
            app.state.health.gates.clear()
            _connect(app, service, opened)
            yield

    return _closing if runtime is not None else lifespan


def _connect(app: FastAPI, service: Service, runtime: Runtime) -> None:
    app.state.runtime = runtime
    app.state.limiter = Limiter(runtime)
    app.state.api_keys = ApiKeys(runtime)
    migrations = Migrations(service.migrations, service.metadata)
    of_topics = topics.TopicsCheck(service, runtime)
    app.state.health.gates += [
        DatabaseCheck(runtime, migrations),
        LossCheck(service.name, runtime.database),
        LogCheck(runtime.bus),
        of_topics.gate,
    ]
    app.state.health.watched.extend(
        [
            *monitoring.checks(service, runtime),
            of_topics.watched,
            KeysCheck(runtime.tokens),
            DiskCheck(runtime),
        ]
    )
    app.state.health.closing.append(of_topics.close)
    app.state.metrics.read.append(monitoring.figures(service, runtime))
    app.state.metrics.counted += [
        lambda: monitoring.connections(runtime.database),
        app.state.limiter.samples,
    ]


def _check(listed: list[Route]) -> None:
    """Refuse operation ids that are given twice."""
    ids = [route.operation.id for route in listed]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise RepeatedOperationId(f"operation ids given twice: {', '.join(twice)}")


_DOCUMENTS: dict[tuple[object, ...], dict[str, Any]] = {}
"""The documents of this process by what is in them. Apps that do the same share one, since it takes half a second to make."""


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        listed = openapi.operations(app.router.routes)
        key = (app.title, app.description, *(route.operation for route in listed))
        if key not in _DOCUMENTS:
            document = openapi.generate(app.title, app.description, app.state.tags, listed)
            _DOCUMENTS[key] = document | {documents.PROBLEMS: documents.of_no_operation()}
        app.openapi_schema = _DOCUMENTS[key]
    return app.openapi_schema


async def _metrics(request: Request) -> Response:
    """Return all measures, to an operator or at a private port.

    The figures of the database are left out if it does not answer.
    """
    if not request.app.state.private:
        await guard.admit_operator(request)
    metrics: Metrics = request.app.state.metrics
    runtime: Runtime = request.app.state.runtime
    try:
        async with asyncio.timeout(READ_SECONDS_MAX), runtime.database.read() as read:
            content = await metrics.render(read)
    except Exception as error:
        if not failures.is_transient(error):
            raise
        content = await metrics.render(None)
    return Response(content, media_type=CONTENT_TYPE)


async def _starting() -> Sequence[Issue]:
    return (health.STARTING,)
