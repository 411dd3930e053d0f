"""The compose file and the image say only what the code knows; `make compose-test` runs them."""

import importlib
import os
import re
from collections import Counter
from typing import Any

import yaml
from typer.main import get_command

from huitou import reference, registry
from huitou.__main__ import app
from shared.run.command import ROLES
from tests.architecture.sources import ROOT, SERVICES
from tests.parts.distributed import PROCESSES

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
PARTS = {"kafka", "postgres"}
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])[^}]*)?\}")
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def _own() -> dict[str, Any]:
    return {name: service for name, service in COMPOSE["services"].items() if name not in PARTS}


def test_every_variable_is_a_setting() -> None:
    known = set(
        re.findall(r"`(HUITOU_\w+)`", reference.pages(get_command(app))["docs/reference/settings.md"])
    )
    used = {name for service in _own().values() for name in service["environment"]}

    assert used <= known


def test_every_service_has_a_process_for_each_of_its_roles() -> None:
    for service in registry.services():
        roles = {"migrate", "serve", "relay"} | (
            {"consume"} if any(handlers.table for handlers in service.handlers) else set()
        )
        processes = {
            name.removeprefix(f"{service.name}-") for name in _own() if name.startswith(f"{service.name}-")
        }
        assert processes == roles


def test_every_command_is_one_that_the_services_know() -> None:
    assert {service["command"][0] for service in _own().values()} <= {*ROLES, "migrate", "verify"}


def test_every_image_is_built_once_and_from_one_service() -> None:
    built = [service["build"]["args"]["SERVICE"] for service in _own().values() if "build" in service]

    assert sorted(built) == sorted([*SERVICES, "console"])
    for name in built:
        importlib.import_module(f"services.{name}.__main__")


def test_a_published_port_is_the_one_that_the_service_listens_on() -> None:
    for service in registry.services():
        port = service.settings.port
        assert COMPOSE["services"][f"{service.name}-serve"]["ports"] == [
            f"127.0.0.1:${{{service.name.upper()}_PORT:-{port}}}:{port}"
        ]


def test_the_processes_are_those_of_the_distributed_run_without_containers() -> None:
    composed: Counter[tuple[str, str]] = Counter()
    for name, service in _own().items():
        role = service["command"][0]
        if role != "migrate":
            composed[name.removesuffix(f"-{role}"), role] += service.get("deploy", {}).get("replicas", 1)

    assert composed == Counter(PROCESSES.values())


def test_what_the_compose_file_refers_to_is_there() -> None:
    for service in COMPOSE["services"].values():
        for name, dependency in service.get("depends_on", {}).items():
            assert name in COMPOSE["services"]
            assert dependency["condition"] in CONDITIONS
        for source in (volume.split(":")[0] for volume in service.get("volumes", [])):
            assert (ROOT / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"]
        if "build" in service:
            assert (ROOT / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_every_variable_of_the_compose_file_has_a_default_or_is_demanded() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    settled = {name for name, kind in VARIABLE.findall(text) if kind}

    assert {name for name, _ in VARIABLE.findall(text)} == settled


def test_nothing_is_published_beyond_this_machine() -> None:
    for service in COMPOSE["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_script_of_the_databases_is_run_and_not_read() -> None:
    # The image reads a script that cannot be executed into its own shell, and `set -u` with it.
    assert os.access(ROOT / "deploy/postgres/create-databases.sh", os.X_OK)


def test_a_database_is_made_for_every_service() -> None:
    script = (ROOT / "deploy/postgres/create-databases.sh").read_text(encoding="utf-8")

    assert f"for service in {' '.join(SERVICES)};" in script
