"""Faults, one after another at random, and how long the product needs to be itself again after each."""

import asyncio
import os
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from random import Random
from typing import Protocol

import asyncpg
import httpx2

from tests.chaos.endings import Endings
from tests.chaos.load import Client
from tests.chaos.plan import Family, Fault, Plan
from tests.parts import stacks
from tests.parts.stacks import Stack

PAUSE_SECONDS_MAX = 3.0
MORE_SECONDS_MAX = 180.0
"""How much longer than asked a round lasts until enough faults have struck, and every required kind."""
PROBE_LOOK_SECONDS = 0.1
PROBE_SECONDS_MAX = 180.0
"""As long as a round may take to settle. How soon points come is measured, and has been 64 s on a machine with much other
work, on which the processes that were killed needed most of it to start."""
MINOR_UNITS = 100


class Striker(Family, Protocol):
    """Every fault that one stack can meet."""

    takeovers: dict[str, list[float]]
    """Seconds until another one did the work of one that stood still, by whose."""
    endings: Endings
    """Which processes ended without being struck."""


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault as it happened, in monotonic seconds."""

    kind: str
    began: float
    ended: float
    struck: bool


@dataclass(slots=True)
class Struck:
    """What struck, and what became of it."""

    kinds: Counter[str] = field(default_factory=Counter)
    missing: list[str] = field(default_factory=list)
    """The required kinds of fault that did not strike. A round with one of these does not count."""
    recoveries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Seconds from the end of a fault until a purchase that was asked then had its points, by kind of fault."""
    failures: list[str] = field(default_factory=list)
    told: list[Strike] = field(default_factory=list)
    """Every fault in order, also those that found no moment to strike."""


async def strike_at_random(
    striker: Striker, probe: Client, random: Random, struck: Struck, *, until: float, at_least: int
) -> None:
    """Strike until that moment (monotonic seconds), and on until the plan is fulfilled: `at_least` strikes, all required.

    CHAOS_ONLY=… in the environment leaves only the kinds with these words in their name, to look into one.
    """
    only, waiting = os.environ.get("CHAOS_ONLY", ""), set[asyncio.Task[None]]()
    faults = [fault for fault in striker.faults() if only in fault.kind]
    plan = Plan(faults, random, struck.kinds, strikes_min=at_least)
    last = until + MORE_SECONDS_MAX
    while time.monotonic() < until or (not plan.is_fulfilled and time.monotonic() < last):
        fault = plan.next()
        if await _strikes(fault, struck):
            struck.kinds[fault.kind] += 1
            waiting.add(asyncio.create_task(_recover(fault.kind, probe, struck)))
        else:
            plan.missed(fault)
        await asyncio.sleep(random.random() * PAUSE_SECONDS_MAX)
    struck.missing = plan.missing
    await asyncio.gather(*waiting)


async def _strikes(fault: Fault, struck: Struck) -> bool:
    """Whether it struck; a database that is just coming back may keep it from doing so."""
    began, has_struck = time.monotonic(), False
    try:
        has_struck = await fault.strike()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        pass
    except AssertionError as error:
        struck.failures.append(f"{fault.kind}: {error}")
        has_struck = True
    struck.told.append(Strike(fault.kind, began, time.monotonic(), has_struck))
    return has_struck


async def _recover(kind: str, probe: Client, struck: Struck) -> None:
    """Measure how long a purchase takes from now on, whatever it meets, until its points are there."""
    began = time.monotonic()
    number = probe.name + f"-{began:.6f}"
    async with probe.journal.gate.working():
        bought = await probe.buy(number)
    sums = sum(line["amount_minor"] for line in bought.body["lines"])
    wanted = sums // MINOR_UNITS if bought.body["currency"] == "CNY" else 0
    async with httpx2.AsyncClient(headers=stacks.operator(probe.stack, "admin")) as client:
        while not await _has_points(client, probe.stack, bought.answer["customer_id"], wanted):
            if time.monotonic() - began > PROBE_SECONDS_MAX:
                struck.failures.append(f"{PROBE_SECONDS_MAX:.0f} s after '{kind}' a purchase has no points")
                return
            await asyncio.sleep(PROBE_LOOK_SECONDS)
    struck.recoveries[kind].append(time.monotonic() - began)


async def _has_points(client: httpx2.AsyncClient, stack: Stack, customer_id: str, wanted: int) -> bool:
    try:
        answer = await client.get(f"{stack.address('loyalty')}/v1/members/{customer_id}")
    except httpx2.TransportError:
        return False
    return answer.is_success and answer.json()["points"]["active"] == wanted
