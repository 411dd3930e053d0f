"""One page per service, generated from its table of contents: capabilities, events, tables, jobs and invariants."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec

from sqlalchemy import Table

from huitou import registry
from huitou.markdown import GENERATED, table
from shared.db import kernel_metadata
from shared.db.records import record_class
from shared.events.base import Event
from shared.http.routes import Route
from shared.service import Capability, Service

FOLDER = "docs/services"
IDS = "The next block of ids to give out."


def pages() -> Mapping[str, str]:
    """Return the page of each service by its path in the checkout."""
    return {f"{FOLDER}/{service.name}.md": _page(service) for service in registry.services()}


def _page(service: Service) -> str:
    sections = [
        f"# {service.title}\n\n{GENERATED}{service.description}\n\n{_package_sentence(service)}\n",
        "## Capabilities\n\nEach stands on those above it.\n\n" + _capabilities(service),
        "## Events that it consumes\n\n" + _consumed(service),
        "## Events that it publishes\n\n" + _published(service),
        "## Jobs\n\n" + _jobs(service),
        "## Tables\n\n" + _tables(service),
        "## Invariants\n\n" + _invariants(service),
    ]
    return "\n".join(section for section in sections if not section.endswith("\n\n"))


def _package_sentence(service: Service) -> str:
    return (
        f"Its operations are in [the list of operations](../reference/operations.md), its settings in "
        f"[the list of settings](../reference/settings.md), its code in `services/{service.name}/`."
    )


def _capabilities(service: Service) -> str:
    rows = (
        (f"`{capability.name}`", _sentence_of(service, capability), _operations(capability))
        for capability in service.capabilities
    )
    return _table(("capability", "what it does", "operations"), rows)


def _operations(capability: Capability) -> str:
    routes = (route for router in capability.routers for route in router.routes)
    return ", ".join(f"`{route.operation.id}`" for route in routes if isinstance(route, Route))


def _sentence_of(service: Service, capability: Capability) -> str:
    """Return the first sentence of the module that declares a capability: one of the service, or one that services share."""
    own = f"services.{service.name}.{capability.name}"
    package = own if find_spec(own) else f"shared.{capability.name}"
    module = importlib.import_module(f"{package}.capability")
    return _first_sentence(module.__doc__)


def _consumed(service: Service) -> str:
    handled: dict[type[Event], list[str]] = {}
    for capability in service.capabilities:
        for event in capability.handlers:
            handled.setdefault(event, []).append(f"`{capability.name}`")
    rows = (
        (f"`{event.type}`", f"`{event.topic.name}`", ", ".join(names))
        for event, names in sorted(handled.items(), key=lambda item: item[0].type)
    )
    return _table(("event", "topic", "handled by"), rows)


def _published(service: Service) -> str:
    rows = ((f"`{event.type}`", _first_sentence(event.__doc__)) for event in service.publishes)
    return _table(("event", "what happened"), rows)


def _jobs(service: Service) -> str:
    rows = (
        (f"`{job.name}`", f"`{capability.name}`", f"{job.every_seconds:g}")
        for capability in service.capabilities
        for job in capability.jobs
    )
    return _table(("job", "capability", "every … seconds"), rows)


def _tables(service: Service) -> str:
    rows = (
        (f"`{table.name}`", f"`{capability.name}`", _first_sentence(_doc_of(table)))
        for capability in service.capabilities
        for metadata in capability.tables
        if metadata is not kernel_metadata
        for table in metadata.sorted_tables
    )
    return _table(("table", "capability", "a row is"), rows)


def _doc_of(table: Table) -> str | None:
    """Return the docstring of a table's record; a table of `shared.db.blocks` has none."""
    record = record_class(table)
    return IDS if record is None else record.__doc__


def _invariants(service: Service) -> str:
    rows = (
        (f"`{rule}`", f"`{capability.name}`")
        for capability in service.capabilities
        for rule in capability.invariants.rules
    )
    return _table(("rule that `huitou verify` looks at", "capability"), rows)


def _first_sentence(text: str | None) -> str:
    """Return the first sentence of a docstring, in one line."""
    line = " ".join((text or "").split("\n\n")[0].split())
    end = line.find(". ")
    return line if end < 0 else line[: end + 1]


def _table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    listed = [f"| {' | '.join(cells)} |" for cells in rows]
    return table(" | ".join(heads), listed) if listed else ""
