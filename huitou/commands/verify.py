"""`huitou verify`: recompute everything that is stored, and say what does not add up."""

import asyncio
import json
from dataclasses import asdict
from typing import Annotated, Any

import typer

from huitou import home
from huitou.exits import Exit, Refused
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
    # These load every service, which the other commands need not wait for.
    from huitou import bus_verification, embedded, registry
    from shared.db import failures
    from shared.run.command import away
    from shared.service.keys import prove_keys_at_head

    found: list[dict[str, Any]] = []
    home.read(settings.home)
    if any(not path.exists() for path in registry.files()):
        raise home.no_home(settings.home)
    async with embedded.opened(settings) as running:
        await embedded.refuse_older(running)
        for service, parts in running:
            try:
                await prove_keys_at_head(service, parts)
                async with parts.database.read() as read:
                    drifts = [
                        *await service.verify(read),
                        *await bus_verification.verify(service, parts, read),
                    ]
            except Exception as error:
                if failures.is_full_disk(error) or not failures.is_transient(error):
                    raise
                raise Refused(Exit.DATABASE_AWAY, str(away(service, parts, error))) from None
            found += [{"service": service.name, **asdict(drift)} for drift in drifts]
    return found
