"""Generate the reference pages from the code: settings, events, operations, rules, commands, metrics and services."""

import ast
import inspect
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from types import ModuleType
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from huitou import access, exits, registry, service_pages
from huitou.exits import Exit
from huitou.markdown import GENERATED, table
from services.console.settings import Settings as ConsoleSettings
from services.loyalty.earning.domain.promotions import promotion_of_kind
from services.loyalty.earning.domain.rules import type_of_kind
from shared import events, metrics
from shared.http import health, limiter, monitoring
from shared.http.app import build_app, kernel_routers
from shared.http.routes import Route
from shared.metrics import Measure
from shared.run import command as process
from shared.run import process_metrics
from shared.settings import ServiceSettings

METRICS_INTRODUCTION = """`GET /metrics` answers in Prometheus' text format: on the service's own port to operators, with a
token; on `HUITOU_METRICS_PORT`, if that is set, without one, so keep that port inside. `huitou up` is one process with four services:
with `HUITOU_METRICS_PORT=9100` profile answers on 9101, loyalty on 9102, feedback on 9103, scoring on 9104. Every line has the
label `service`. Figures of the service's database and of the bus (outbox, lag, set-aside records, invariants) are
read by the process that serves it, when it is asked; with several such processes each says the same, so take the maximum.
A process that only relays or consumes says what it does itself, on `HUITOU_METRICS_PORT` only; sum over those.
What deserves a person's attention is said in words at `GET /health/issues`.

"""


def pages(command: Any) -> Mapping[str, str]:
    """Return the text of every generated page by its path in the checkout; `command` is the whole `huitou` command."""
    return {
        ".env.example": _environment_example(),
        "deploy/kafka/rights": "".join(f"{line}\n" for line in access.in_lines()),
        "docs/reference/settings.md": _settings_page(),
        "docs/reference/events.md": _events_page(),
        "docs/reference/operations.md": _operations_page(),
        "docs/reference/rules.md": _rules_page(),
        "docs/reference/commands.md": _commands_page(command),
        "docs/reference/metrics.md": _metrics_page(),
        **service_pages.pages(),
        **_documents(),
    }


def _documents() -> Mapping[str, str]:
    """Return the OpenAPI document of each service by its path. The limits in it are those of a new installation."""
    documents = {service.name: build_app(service).openapi() for service in registry.services_by_default()}
    return {
        f"docs/openapi/{name}.json": f"{json.dumps(document, ensure_ascii=False, indent=1)}\n"
        for name, document in documents.items()
    }


def _settings() -> Iterator[tuple[str, str, FieldInfo]]:
    """Yield (reader, environment variable, field) of each setting once, the shared settings first."""
    for name, field in ServiceSettings.model_fields.items():
        yield "all services", _variable(name), field
    readers: tuple[type[ServiceSettings], ...] = (*registry.SETTINGS, ConsoleSettings)
    for settings in readers:
        for name, field in settings.model_fields.items():
            if name not in ServiceSettings.model_fields:
                yield settings.service, _variable(name), field


def _variable(name: str) -> str:
    return f"HUITOU_{name.upper()}"


def _default(field: FieldInfo) -> str:
    return "" if field.default is None else str(field.default)


def _sentence(field: FieldInfo) -> str:
    return " ".join((field.description or "").split())


def _environment_example() -> str:
    lines = [
        "# Every setting with its default: all are optional. Generated from the code by `make contracts`.",
        "",
    ]
    reader = ""
    for who, variable, field in _settings():
        if who != reader:
            lines += [f"# --- {who}", ""]
            reader = who
        lines += [f"# {_sentence(field)}", f"#{variable}={_default(field)}", ""]
    return "\n".join(lines)


def _settings_page() -> str:
    rows = [
        f"| `{variable}` | {who} | {f'`{_default(field)}`' if _default(field) else ''} | {_sentence(field)} |"
        for who, variable, field in _settings()
    ]
    return (
        "# Settings\n\n"
        + GENERATED
        + "Environment variables; all are optional, and a process keeps those it started with.\n\n"
        + table("setting | read by | default | meaning", rows)
    )


def _events_page() -> str:
    sections = [
        f"## `{event.type}`\n\n{_words(event)}\n\nTopic `{event.topic.name}`.\n\n"
        + table("field | meaning", _fields(event))
        for event in events.ALL
    ]
    return "# Events\n\n" + GENERATED + "\n".join(sections)


def _fields(model: type[BaseModel]) -> list[str]:
    return [f"| `{name}` | {_sentence(field)} |" for name, field in model.model_fields.items()]


def _operations_page() -> str:
    sections = [_section(service.name, registry.routes(service)) for service in registry.services()]
    return "# Operations\n\n" + GENERATED + "\n".join([*sections, *_kernel_sections()])


def _kernel_sections() -> list[str]:
    """Return the sections of the operations that several services have, by these services."""
    routes: dict[str, Route] = {}
    owners: dict[str, list[str]] = {}
    for service in registry.services():
        for router in (*kernel_routers(service), health.router):
            for route in registry.routes_of(router):
                routes[route.operation.id] = route
                owners.setdefault(route.operation.id, []).append(service.name)
    all_services = [service.name for service in registry.services()]
    return [
        _section(
            "every service" if list(names) == all_services else ", ".join(names),
            [route for name, route in routes.items() if tuple(owners[name]) == names],
        )
        for names in sorted(dict.fromkeys(map(tuple, owners.values())), key=len)
    ]


def _section(name: str, routes: Iterable[Route]) -> str:
    rows = [
        f"| `{'`, `'.join(sorted(route.methods or ()))} {route.path}` | `{route.operation.id}` | {route.summary} | "
        f"{route.operation.allow.words()} | {route.operation.idempotency or ''} |"
        for route in routes
    ]
    return f"## {name}\n\n{table('call | operation | what it does | who | Idempotency-Key', rows)}"


def _rules_page() -> str:
    rules, promotions = _kinds(type_of_kind), _kinds(promotion_of_kind)
    return f"# Rules that earn points\n\n{GENERATED}{rules}\n# Promotions\n\n{promotions}"


def _kinds(models: Mapping[str, type[BaseModel]]) -> str:
    return "\n".join(
        f"## `{kind}`\n\n{_words(model)}\n\n" + table("field | default", _defaults(model))
        for kind, model in models.items()
    )


def _defaults(model: type[BaseModel]) -> list[str]:
    return [
        f"| `{name}` | {'required' if field.is_required() else f'`{field.default}`'} |"
        for name, field in model.model_fields.items()
    ]


def _metrics_page() -> str:
    sections = [
        ("Every service", "Answered by the process that serves it, on the service's own port.", monitoring.MEASURES),
        *((service.title, "Answered beside those of every service.", service.measures) for service in registry.services()),
        ("Every process", "Whatever its roles.", (*metrics.MEASURES, *limiter.MEASURES, *monitoring.PROCESS_MEASURES)),
        ("Processes that relay", "The whole product in one process is one of them.", process_metrics.RELAY_MEASURES),
        ("Processes that consume", "Likewise.", process_metrics.CONSUMER_MEASURES),
    ]  # fmt: skip
    tables = [
        f"## {title}\n\n{words}\n\n"
        + table("metric | kind | labels | what it says", [_measure(measure) for measure in measures])
        for title, words, measures in sections
        if measures
    ]
    alarms = [
        f"| `{measure.full_name}` | {measure.alarm} |"
        for _, _, measures in sections
        for measure in measures
        if measure.alarm
    ]
    return "\n".join(
        [
            "# Metrics\n\n" + GENERATED + METRICS_INTRODUCTION + table("worth an alarm | when", alarms),
            *tables,
        ]
    )


def _measure(measure: Measure) -> str:
    labels = ", ".join(f"`{label}`" for label in measure.labels)
    return f"| `{measure.full_name}` | {measure.kind} | {labels} | {measure.says} |"


def _commands_page(command: Any) -> str:
    rows = [
        f"| `{path}` | {(single.help or '').split(chr(10) * 2)[0].strip()} |"
        for path, single in _walk(command, "huitou")
    ]
    return (
        "# Commands\n\n"
        + GENERATED
        + table("command | what it does", rows)
        + "\n## Exit codes\n\n"
        + table("code of `huitou` | meaning", _codes(Exit.__members__, exits))
        + "\n"
        + table("code of `python -m services.<name>` | meaning", _codes(vars(process), process))
    )


def _walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    if not hasattr(command, "commands"):
        yield path, command
        return
    for name, inner in command.commands.items():
        yield from _walk(inner, f"{path} {name}")


def _codes(values: Mapping[str, Any], module: ModuleType) -> list[str]:
    """Return the rows of the exit codes that a module declares, each with its docstring. `values` are they by their names."""
    tree = ast.parse(inspect.getsource(module))
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    return [
        f"| {values[name.targets[0].id]:d} | {words.value.value!s} |"
        for body in bodies
        for name, words in pairwise(body)
        if isinstance(name, ast.Assign)
        and isinstance(name.targets[0], ast.Name)
        and (name.targets[0].id in Exit.__members__ or name.targets[0].id.startswith("EXIT_"))
        and isinstance(words, ast.Expr)
        and isinstance(words.value, ast.Constant)
    ]


def _words(thing: object) -> str:
    return inspect.getdoc(thing) or ""
