"""`huitou verify`: recompute everything that is stored, and say what does not add up."""

import asyncio
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huitou import home, steps
from huitou.exits import Exit, Refused
from huitou.settings import Settings
from huitou.speech import said, spoken
from shared.run.open_files import require_open_files

if TYPE_CHECKING:
    from shared.db import Read


def verify(
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Recompute balances, lots, clocks, scores and event chains from the facts; non-zero when anything differs.

    Records that were set aside as dead, and what is queued behind them, are named and make it non-zero too.
    """
    # It loads SQLAlchemy, which the other commands need not wait for.
    from shared.consume.set_aside import REFUSED

    require_open_files()
    drifts, set_aside, notes = asyncio.run(_verify(Settings()))
    refused = [record for record in set_aside if record["state"] in REFUSED]
    ok = not drifts and not refused
    if as_json:
        parts = {"set_aside": set_aside, "notes": notes}
        found = {"ok": ok, "drifts": drifts} | {name: value for name, value in parts.items() if value}
        typer.echo(json.dumps(found, ensure_ascii=False))
    else:
        for drift in drifts:
            typer.echo(said("drift", **drift))
        for record in set_aside:
            ids = said("verify_ids", ids=record["ids"]) if record["ids"] else ""
            more = " …" if record["records"] > len(record["ids"]) and ids else ""
            typer.echo(said("verify_set_aside", **{**record, "ids": f"{ids}{more}"}))
        if refused:
            typer.echo(said("verify_act_on_them"))
        for note in notes:
            typer.echo(said("verify_note", **note))
        typer.echo(said("verify_differences", count=len(drifts)) if drifts else _nothing_differs(refused))
    if not ok:
        raise typer.Exit(Exit.FAILED)


def _nothing_differs(refused: list[dict[str, Any]]) -> str:
    count = sum(record["records"] for record in refused)
    return said("verify_applied_adds_up", count=count) if count else said("everything_adds_up")


async def _verify(
    settings: Settings,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the differences, what is set aside, and what else deserves to be known, of all services."""
    # These load every service, which the other commands need not wait for.
    from huitou import embedded, registry
    from shared.db import failures
    from shared.db.migrations import NotMigrated, UnknownVersion
    from shared.run import garbage, verification
    from shared.run.command import away
    from shared.service.keys import prove_keys_at_head
    from shared.service.opening import migrations_of

    garbage.seldom()
    found: list[dict[str, Any]] = []
    aside: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    home.read(settings.home)
    home.require_databases(settings.home, registry.files())
    async with embedded.opened(settings) as running:
        for number, (service, parts) in enumerate(running, 1):
            steps.tell(said("verify_step", service=service.name, number=number, of=len(running)))
            try:
                await migrations_of(service).require_head(parts.database)
                await prove_keys_at_head(service, parts)
                verified = await verification.verify(service, parts)
                async with parts.database.read() as read:
                    aside += await _set_aside(service.name, read)
            except UnknownVersion as error:
                raise Refused(Exit.HOME_OF_OTHER_VERSION, spoken(error)) from None
            except NotMigrated as error:
                raise Refused(Exit.FAILED, spoken(error)) from None
            except Exception as error:
                if failures.is_full_disk(error) or not failures.is_transient(error):
                    raise
                raise Refused(Exit.DATABASE_AWAY, spoken(away(service, parts, error))) from None
            found += [{"service": service.name, **asdict(drift)} for drift in verified.drifts]
            notes += [{"service": service.name, "note": note} for note in verified.notes]
    return found, aside, notes


async def _set_aside(service: str, read: "Read") -> list[dict[str, Any]]:
    """Return the number of records that are set aside by state, with the ids of the first that a person must act on."""
    from shared.consume import set_aside  # likewise

    ids = await set_aside.first_dead(read)
    return [
        {"service": service, "state": state, "records": count, "ids": ids if state == "dead" else []}
        for state, count in (await set_aside.count_open(read)).items()
        if count
    ]
