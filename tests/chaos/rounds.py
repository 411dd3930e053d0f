"""One round: clients shop while faults strike; then everything is mended, and the books must balance."""

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx2

from tests.chaos import (
    books,
    evidence,
    facts,
    faults,
    judged_losses,
    logged,
    moments,
    oracle,
    promises,
    quotas,
)
from tests.chaos.books import Bookkeeper, Books, NeverSettled
from tests.chaos.faults import Striker, Struck
from tests.chaos.journal import Journal
from tests.chaos.load import Client
from tests.chaos.oracle import Expected
from tests.chaos.poison import Poison
from tests.parts import stacks
from tests.parts.stacks import ROOT, Stack

CLIENTS = 4
FINISH_SECONDS_MAX = 120.0
MORE_SECONDS_MAX = 30.0
"""How much longer, after everything was mended, it is shopped for a kind of request that was not accepted yet."""
EQUAL_SECONDS_MAX = 60.0
LOOK_SECONDS = 0.5
VERIFY_SECONDS_MAX = 300
READERS = 8
SHOWN_MAX = 20

ENVIRONMENT = {"HUITOU_SET_ASIDE_PERCENT_MAX": "100", "HUITOU_LOG_LEVEL": "warning"}
"""Poison comes in handfuls here; that a batch full of it stops its partition is tried elsewhere."""


@dataclass(slots=True)
class Round:
    """What a round showed."""

    seed: int
    stack: str
    struck: Struck = field(default_factory=Struck)
    journal: Journal = field(default_factory=Journal)
    customers: int = 0
    thrown: int = 0
    discarded: int = 0
    duplicates: int = 0
    """Records that relays sent again."""
    seconds: float = 0.0
    """How long it was shopped and struck."""
    settled_seconds: float = 0.0
    takeovers: dict[str, list[float]] = field(default_factory=dict)
    """Seconds until another one did the work of one that stood still, by whose."""
    is_over: bool = False
    """Whether everything was compared."""
    evidence: Path | None = None
    """Where the evidence is kept; none while the claim holds."""
    wrong: list[str] = field(default_factory=list)
    """Everything that must not be; empty when the claim holds."""
    errors: Counter[str] = field(default_factory=Counter)
    """What the processes' logs call an error, with the end of its trace: ours, which are wrong, and those of libraries."""


MakeStriker = Callable[[Random, Poison, Journal], Striker]


async def run(stack: Stack, make: MakeStriker, *, seed: int, seconds: float, faults_min: int) -> Round:
    """Shop and strike for that long, then settle and compare everything; what is wrong leaves its evidence."""
    random, done, bus_url = Random(seed), Round(seed, stack.name), stack.environment.get("HUITOU_BUS_URL")
    poison = Poison(bus_url or "embedded://", stack.home, Random(random.random()))
    striker, began = make(Random(random.random()), poison, done.journal), time.monotonic()
    standing = None
    try:
        await _shop_and_strike(stack, striker, done, random, seconds=seconds, faults_min=faults_min)
        done.thrown, done.seconds = poison.thrown, time.monotonic() - began
        done.takeovers = striker.takeovers
        async with books.opened(stack) as bookkeeper:  # not before: a database that was lost is another file
            await _settle(bookkeeper, done)
            standing = await bookkeeper.read()
        await _compare_all(stack, striker, done, standing, poison)
    finally:
        if done.wrong or not done.is_over:
            await _keep(stack, done, standing)
    return done


async def _keep(stack: Stack, done: Round, standing: Books | None) -> None:
    """Keep what may say why, first what cannot fail."""
    done.evidence = evidence.room(f"{stack.name}-{done.seed}")
    evidence.keep_requests(done.evidence, done.journal, done.struck)
    evidence.keep_logs(done.evidence, stack)
    async with books.opened(stack) as bookkeeper:
        evidence.keep_records(done.evidence, standing or await bookkeeper.read())
        await evidence.keep_rows(done.evidence, bookkeeper.databases)


async def _settle(bookkeeper: Bookkeeper, done: Round) -> None:
    """Let everything arrive, give up what is dead, and let arrive what that releases."""
    began = time.monotonic()
    try:
        await bookkeeper.settle()
        done.discarded = await bookkeeper.discard_dead()
        await bookkeeper.settle()
    except NeverSettled as error:
        done.wrong.append(str(error))
    done.settled_seconds = time.monotonic() - began


async def _compare_all(stack: Stack, striker: Striker, done: Round, standing: Books, poison: Poison) -> None:
    done.duplicates = standing.duplicates
    done.wrong += striker.endings.take()
    done.wrong += done.journal.broken + done.struck.failures + done.journal.floor()
    lost = judged_losses.lost(standing, done.journal)
    done.wrong += judged_losses.wrong(standing, done.journal)
    done.wrong += books.differences(standing, poison.event_ids, lost)
    done.wrong += facts.wrong(standing, done.journal.asked, lost)
    done.wrong += facts.out_of_order(standing, done.journal.asked)
    done.wrong += await _unequal(stack, done)
    done.wrong += await quotas.wrong(stack, done.journal)
    done.wrong += await asyncio.to_thread(_verify, stack)
    errors = logged.errors(logged.lines(stack))
    done.errors = Counter(error.words for error in errors)
    done.wrong += logged.judged(errors) + striker.endings.take()
    done.is_over = True


async def _shop_and_strike(
    stack: Stack, striker: Striker, done: Round, random: Random, *, seconds: float, faults_min: int
) -> None:
    promised = await promises.publish(stack)
    clients = [
        Client(f"s{done.seed}c{number}", stack, done.journal, Random(random.random()), promised)
        for number in range(CLIENTS)
    ]
    probe = Client(f"s{done.seed}p", stack, done.journal, Random(random.random()))
    stopping = asyncio.Event()
    shopping = [asyncio.create_task(client.run(stopping)) for client in clients]
    try:
        await faults.strike_at_random(
            striker, probe, random, done.struck, until=time.monotonic() + seconds, at_least=faults_min
        )
        await striker.mend()
        await moments.within(done.journal.has_floor, seconds_max=MORE_SECONDS_MAX)
        stopping.set()
        async with asyncio.timeout(FINISH_SECONDS_MAX):
            await asyncio.gather(*shopping)
    finally:
        for task in shopping:
            task.cancel()
        await asyncio.gather(*shopping, return_exceptions=True)
        for client in (*clients, probe):
            await client.close()


async def _unequal(stack: Stack, done: Round) -> list[str]:
    """Every customer of whom the product says something else than the oracle, when it has had time to say it."""
    found = split(done.journal)
    due = oracle.expected(done.journal.counted, datetime.now(UTC))
    done.customers = len(due)
    limit, deadline = asyncio.Semaphore(READERS), time.monotonic() + EQUAL_SECONDS_MAX
    async with httpx2.AsyncClient(headers=stacks.operator(stack, "admin"), timeout=60) as client:

        async def limited(customer_id: str, expected: Expected) -> str | None:
            async with limit:
                return await compare(client, stack, customer_id, expected, deadline)

        compared = await asyncio.gather(*(limited(*item) for item in due.items()))
    return found + [difference for difference in compared if difference]


def split(journal: Journal) -> list[str]:
    """Every buyer whose purchases were answered with more than one customer, though none of them was lost between."""
    losses_at = [loss.lost_at for loss in journal.losses if loss.service == "profile"]
    found = dict[str, None]()
    for until in (*losses_at, float("inf")):
        owners: dict[str, str] = {}
        for request in journal.asked:
            is_gone = any(loss.took(request) and loss.lost_at < until for loss in journal.losses)
            if request.kind == "purchase" and request.done and request.answered_at <= until and not is_gone:
                named, owner = request.body["customer"]["external_id"], request.answer["customer_id"]
                if owners.setdefault(named, owner) != owner:
                    found[f"{named} is two customers: {owner} and {owners[named]}"] = None
    return list(found)


async def compare(
    client: httpx2.AsyncClient, stack: Stack, customer_id: str, expected: Expected, deadline: float
) -> str | None:
    """What the product says of a customer beside what it must say, when it still differs at that monotonic second."""
    while True:
        held = expected.held(datetime.now(UTC))
        wanted = (expected.points - held, held, expected.spend_minor, expected.tier, expected.purchases)
        member = (await client.get(f"{stack.address('loyalty')}/v1/members/{customer_id}")).json()
        scores = (await client.get(f"{stack.address('scoring')}/v1/customers/{customer_id}/scores")).json()
        tier = member.get("tier", {})
        points = member.get("points", {})
        seen = (
            points.get("active"), points.get("held"), tier.get("spend_minor"), tier.get("code"), scores.get("n")
        )  # fmt: skip
        if seen == wanted:
            return None
        if time.monotonic() > deadline:
            return f"{customer_id} has (points, held, spend, tier, purchases) {seen}, and must have {wanted}"
        await asyncio.sleep(LOOK_SECONDS)


def _verify(stack: Stack) -> list[str]:
    """What `huitou verify` finds."""
    done = subprocess.run(
        [sys.executable, "-m", "huitou", "verify", "--json"],
        cwd=ROOT,
        env=stack.environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=VERIFY_SECONDS_MAX,
        check=False,
    )
    try:
        drifts = json.loads(done.stdout)["drifts"]
    except (ValueError, KeyError):
        return [f"huitou verify ended with {done.returncode}: {done.stdout}{done.stderr}"[-2000:]]
    return [f"huitou verify: {drift}" for drift in drifts[:SHOWN_MAX]]
