"""The compose file and the image say only what the code knows."""

import importlib
import re
from typing import Any

import yaml

from huitou import contents, reference
from shared.run.command import ROLES
from tests.architecture.sources import ROOT, SERVICES

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
PARTS = {"kafka", "postgres"}


def _own() -> dict[str, Any]:
    return {name: service for name, service in COMPOSE["services"].items() if name not in PARTS}


def test_every_variable_is_a_setting() -> None:
    known = set(re.findall(r"`(HUITOU_\w+)`", reference.pages()["docs/reference/settings.md"]))
    used = {name for service in _own().values() for name in service["environment"]}

    assert used <= known


def test_every_service_has_a_process_for_each_of_its_roles() -> None:
    for service in contents.services():
        roles = {"migrate", "serve", "relay"} | (
            {"consume"} if any(each.table for each in service.handlers) else set()
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
    for service in contents.services():
        assert COMPOSE["services"][f"{service.name}-serve"]["ports"] == [
            f"127.0.0.1:{service.settings.port}:{service.settings.port}"
        ]


def test_a_database_is_made_for_every_service() -> None:
    script = (ROOT / "deploy/postgres/create-databases.sh").read_text(encoding="utf-8")

    assert f"for service in {' '.join(SERVICES)};" in script
