"""`huitou verify`: recompute everything that is stored, and say what does not add up."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from huitou.exits import Exit
from huitou.settings import Settings


def verify(
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Recompute balances, lots, clocks, scores and event chains from the facts; non-zero when anything differs."""
    drifts = asyncio.run(_verify(Settings()))
    if as_json:
        typer.echo(json.dumps({"ok": not drifts, "drifts": drifts}, ensure_ascii=False))
    else:
        for drift in drifts:
            typer.echo(f"{drift['service']}: {drift['rule']}: {drift['subject']}: {drift['detail']}")
        typer.echo(f"{len(drifts)} differences." if drifts else "Everything adds up.")
    if drifts:
        raise typer.Exit(Exit.FAILED)


async def _verify(settings: Settings) -> list[dict[str, Any]]:
    from huitou import chains, embedded  # loads every service, which the other commands need not wait for

    found: list[dict[str, Any]] = []
    async with embedded.opened(settings) as running:
        for service, parts in running:
            async with parts.database.read() as read:
                drifts = [*await service.verify(read), *await chains.verify(service, parts, read)]
            found += [{"service": service.name, **asdict(drift)} for drift in drifts]
    return found
