"""`huitou kafka-acls`: what each service's user of Kafka may do, so that nobody else can write to its topics."""

import asyncio
from typing import Annotated

import typer

from huitou.exits import Exit, Refused
from huitou.settings import Settings
from huitou.speech import said, spoken


def kafka_acls(
    apply: Annotated[
        bool, typer.Option("--apply", help="Grant it on the cluster, as the user in HUITOU_BUS_USER.")
    ] = False,
) -> None:
    """List what the user of each service may do on Kafka, as arguments of kafka-acls.sh; the users are named as the services."""
    from huitou import access  # loads every service, which the other commands need not wait for

    settings = Settings()
    grants = access.grants()
    if apply:
        asyncio.run(_apply(settings))
        typer.echo(said("rights_granted", count=len(grants)))
        return
    typer.echo("\n".join(access.in_lines()))


async def _apply(settings: Settings) -> None:
    from huitou import access
    from shared.bus import BusUnavailable
    from shared.bus.access import UnusableAccess
    from shared.bus.kafka.bus import KafkaBus
    from shared.bus.opening import servers_of

    servers = servers_of(settings.bus_url)
    if not servers:
        raise Refused(Exit.BAD_SETTING, said("kafka_is_none"))
    try:
        await KafkaBus(servers, access=settings.bus_access).grant(access.grants())
    except UnusableAccess as error:
        raise Refused(Exit.BAD_SETTING, said("as_a_sentence", words=spoken(error))) from None
    except BusUnavailable as error:
        raise Refused(Exit.FAILED, said("as_a_sentence", words=spoken(error))) from None
