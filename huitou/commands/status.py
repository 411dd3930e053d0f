"""`huitou status`: what runs where, whether it is ready, what is on its way, what is set aside, and how large it is."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from huitou import backlog, home
from huitou.client import NothingAnswers, Product
from huitou.exits import Exit, Refused
from huitou.settings import SERVICES, Settings
from huitou.speech import said

UNITS = ("B", "kB", "MB", "GB", "TB")
PER_UNIT = 1_000


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show which services run where, whether they are ready, what is on its way or set aside, and the sizes of the files.

    Fails when a service is not ready or has an issue, with the code for "not running" when none answers, and in a folder that is no home.
    """
    settings = Settings()
    known = home.read(settings.home)
    stopped = known is not None and _is_embedded(settings) and not home.is_in_use(settings.home)
    with Product(settings) as product:
        services = [_service(product, settings, name, stopped=stopped) for name in settings.names]
    found = {
        "home": str(settings.home.resolve()),
        "currency": known.currency if known else None,
        "services": services,
        "files": _files(settings.home),
    }
    runs, is_home = any(service["running"] for service in services), home.is_one(settings.home)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
    elif runs or is_home:
        typer.echo(_words(found))
    if not is_home:
        raise home.no_home(settings.home)
    if not runs:
        raise typer.Exit(Exit.NOT_RUNNING)
    if not all(service["ready"] for service in services) or any(service["issues"] for service in services):
        raise typer.Exit(Exit.FAILED)


def _is_embedded(settings: Settings) -> bool:
    """Return whether the whole product is one process, which locks its home."""
    from huitou import registry  # loads every service, which other commands need not wait for

    return settings.bus_url.startswith("embedded:") and len(registry.files()) == len(SERVICES)


def _service(product: Product, settings: Settings, name: str, *, stopped: bool) -> dict[str, Any]:
    """Return the state of one service or the console. One that does not answer is no refusal here.

    What answers may be the product of another home: if this one is `stopped`, or if it does not take this home's token.
    """
    found: dict[str, Any] = {
        "name": name,
        "address": settings.address(name),
        "running": False,
        "ready": False,
    }
    found |= {"on_their_way": None, "set_aside": {}, "issues": []}
    try:
        ready = product.ask(name, "GET", "/health/ready")
        if stopped or (name in SERVICES and not product.is_ours(name)):
            detail = said("status_other_product", address=settings.address(name))
            return found | {"issues": [{"code": "other_product", "detail": detail}]}
        found["ready"], found["running"] = ready.is_success, True
        if name in SERVICES:
            metrics = product.ask(name, "GET", "/metrics").text
            found["on_their_way"] = backlog.count_in(metrics)
            found["set_aside"] = backlog.set_aside_in(metrics)
            found["issues"] = product.call(name, "GET", "/health/issues")["issues"]
    except NothingAnswers:
        pass
    except Refused as refused:
        found["issues"] = [{"code": "no_answer", "detail": str(refused)}]
    return found


def _files(folder: Path) -> dict[str, int]:
    """Return the bytes of the databases and logs of a home, with what SQLite keeps beside them."""
    sizes: dict[str, int] = {}
    for path in sorted(folder.glob("*")):
        name = path.name.removesuffix("-wal").removesuffix("-shm")
        if name.endswith(".db") or name.startswith("huitou.log"):
            sizes[name] = sizes.get(name, 0) + path.stat().st_size
    return sizes


def _words(found: dict[str, Any]) -> str:
    state = found["currency"] or said("status_no_home")
    lines = [said("status_home", home=found["home"], state=state), ""]
    for service in found["services"]:
        state = said(_state(service))
        more = (
            []
            if service["on_their_way"] is None
            else [said("status_on_their_way", count=service["on_their_way"])]
        )
        more += [
            said(_SET_ASIDE[state], count=count) for state, count in service["set_aside"].items() if count
        ]
        lines.append(
            f"  {service['name']:9} {service['address']:24} {state:12} {said('status_separator').join(more)}".rstrip()
        )
        lines += [f"{'':12}{issue['detail']} [{issue['code']}]" for issue in service["issues"]]
    lines += ["", *(f"  {name:14} {_size(size):>9}" for name, size in found["files"].items())]
    return "\n".join(lines).rstrip()


_SET_ASIDE = {"dead": "status_dead", "queued": "status_queued", "parked": "status_parked"}


def _state(service: dict[str, Any]) -> str:
    if service["ready"]:
        return "status_ready"
    return "status_not_ready" if service["running"] else "status_not_running"


def _size(count: float) -> str:
    for unit in UNITS:
        if count < PER_UNIT or unit == UNITS[-1]:
            break
        count /= PER_UNIT
    return f"{count:.0f} {unit}" if unit == UNITS[0] else f"{count:.1f} {unit}"
