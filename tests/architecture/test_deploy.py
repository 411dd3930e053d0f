"""The compose file and the image say only what the code knows; `make compose-test` runs them."""

import importlib
import os
import re
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import yaml
from typer.main import get_command

from huitou import access, reference, registry
from huitou.__main__ import app
from huitou.commands.secrets import make_secrets
from shared.auth.signing import signing_key_path
from shared.run.command import ROLES
from tests.architecture.sources import ROOT, SERVICES
from tests.parts.distributed import PROCESSES, DistributedStack
from tests.parts.kafka import GivenKafka
from tests.parts.postgres import Databases

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
    given = {secret["target"] for secret in COMPOSE["services"]["postgres"]["secrets"]}

    assert given == {"superuser", *SERVICES}
    assert f"for service in {' '.join(SERVICES)};" in script


def _sources(service: dict[str, Any]) -> set[str]:
    return {secret["source"] for secret in service.get("secrets", [])}


def test_a_process_is_given_the_secrets_of_its_own_service_and_no_others() -> None:
    for name, service in _own().items():
        owner = name.rpartition("-")[0]
        wanted = (
            {f"{owner}-database", f"{owner}-vault", f"{owner}-bus", "kafka-authority", "references", "jwks"}
            if owner
            else set()
        )
        assert _sources(service) == wanted, name
        assert not any(source.startswith(".") for source in service.get("volumes", [])), name


def test_each_service_has_a_user_of_kafka_of_its_own_and_none_has_the_rights_of_another() -> None:
    kafka = COMPOSE["services"]["kafka"]
    script = (ROOT / "deploy/kafka/start.sh").read_text(encoding="utf-8")
    targets = {secret["source"]: secret["target"] for secret in kafka["secrets"]}

    assert targets == {"kafka-keystore": "keystore", **{f"{service}-bus": service for service in SERVICES}}
    assert f"for service in {' '.join(SERVICES)};" in script
    assert {grant.user for grant in access.grants()} == set(SERVICES)
    for name, service in _own().items():
        owner, environment = name.rpartition("-")[0], service["environment"]
        assert environment.get("HUITOU_BUS_USER", "") == owner, name
        assert not owner or environment["HUITOU_BUS_SECURITY"] == "sasl_ssl", name
        assert not owner or environment["HUITOU_BUS_CA_FILE"] == "/run/secrets/authority", name
        assert not owner or environment["HUITOU_BUS_PASSWORD_FILE"] == "/run/secrets/bus", name
        mounted = {secret["source"]: secret["target"] for secret in service.get("secrets", [])}
        assert not owner or mounted[f"{owner}-bus"] == "bus", name
        assert "kafka-keystore" not in mounted, name
        assert not any("127.0.0.1:909" in str(value) for value in environment.values()), name


def test_kafka_believes_without_a_password_only_who_is_in_its_own_container() -> None:
    environment = COMPOSE["services"]["kafka"]["environment"]
    listeners = dict(listener.split("://") for listener in environment["KAFKA_LISTENERS"].split(","))
    protocols = dict(
        pair.split(":") for pair in environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )

    assert environment["KAFKA_SUPER_USERS"] == "User:ANONYMOUS"
    assert environment["KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND"] == "false"
    for name, place in listeners.items():
        assert place.startswith("127.0.0.1:") or protocols[name] == "SASL_SSL", name
    assert "network_mode" not in COMPOSE["services"]["kafka"]
    assert not any(
        "network_mode" in service or "pid" in service for service in COMPOSE["services"].values()
    ), "nobody shares its container"


def test_no_secret_stands_in_an_environment() -> None:
    secret = re.compile(r"_(KEY|PASSWORD|DATABASE_URL)$|://[^/]*:[^/]*@")
    for name, service in COMPOSE["services"].items():
        for variable, value in service.get("environment", {}).items():
            assert not secret.search(variable), (name, variable)
            assert not secret.search(str(value)), (name, variable)


def test_the_key_that_signs_tokens_and_the_superusers_password_are_given_to_no_process_of_ours() -> None:
    files = {name: secret["file"] for name, secret in COMPOSE["secrets"].items()}

    assert not any("signing" in file for file in files.values())
    assert len(set(files.values())) == len(files), "no two secrets are one file"
    assert [
        name for name, service in COMPOSE["services"].items() if "postgres-password" in _sources(service)
    ] == ["postgres"]
    for name, service in COMPOSE["services"].items():
        volumes = {volume.split(":")[0] for volume in service.get("volumes", [])} & set(COMPOSE["volumes"])
        assert volumes == ({name} if name in PARTS else set()), "nobody shares what is kept"


def test_a_process_of_ours_can_do_little() -> None:
    for name, service in _own().items():
        assert service["read_only"] is True, name
    for name, service in COMPOSE["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"mem_limit", "cpus", "pids_limit"} <= set(service), name
        assert "privileged" not in service, name
        assert name == "postgres" or "cap_add" not in service, name


def test_everything_that_runs_on_is_looked_after() -> None:
    for name, service in COMPOSE["services"].items():
        assert ("test" in service["healthcheck"]) != name.endswith("-migrate"), name


def test_only_what_is_published_is_outside() -> None:
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for name, service in COMPOSE["services"].items():
        assert ("outside" in service["networks"]) == ("ports" in service), name
        assert ("inside" in service["networks"]) == (name != "console"), name


def test_the_command_makes_every_secret_of_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    made = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    make_secrets(folder)

    for name, secret in COMPOSE["secrets"].items():
        assert Path(secret["file"].replace("${HUITOU_SECRETS:-./secrets}", str(folder))) in made, name
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == made
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(signing_key_path(folder).stat().st_mode) == 0o600
    passwords = {content for file, content in made.items() if file.suffix == ".password"}
    assert len(passwords) == len(SERVICES) + 1
    for service in SERVICES:
        password = (folder / f"{service}.password").read_text()
        assert (
            folder / f"{service}.database"
        ).read_text() == f"postgresql://{service}:{password}@postgres/{service}"


def test_a_process_of_the_distributed_run_is_told_the_secrets_of_its_own_service_only() -> None:
    stack = DistributedStack(
        Databases("postgresql://nobody@nowhere/x", ""), GivenKafka("nowhere:1"), port_base=1
    )
    stack.databases = {service: f"postgresql://{service}" for service in SERVICES}
    stack.tell_databases()

    for service in (*SERVICES, "console"):
        told = stack.environment_of(service)
        values = " ".join(value for name, value in told.items() if name.startswith("HUITOU_"))
        for name in SERVICES:
            assert (stack.databases[name] in values) == (name == service)
            assert (f"{name}.vault" in values) == (name == service)
        assert str(stack.home) != told["HUITOU_HOME"]
        assert "signing" not in values
