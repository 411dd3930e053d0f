"""Every command, with what a person may do wrong: a sentence and an exit code, never a trace."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from huitou.exits import Exit
from shared.auth.api_key import PATTERN
from shared.auth.signing import ensure_signing_key
from tests.parts import stacks, waiting
from tests.parts.installations import Installation

pytestmark = pytest.mark.slow

CUSTOMER = "cus_01k2m9d6v4e8r7a1b2c3d4e5f6"
HEADER = "order_id,customer,purchased_at,currency,sku,quantity,amount_minor\n"
SPEAKING = [
    ["import", "purchases", "FILE", "--source", "till"],
    ["fit", "bg_nbd"],
    ["dead-letters", "list"],
    ["dead-letters", "show", "sad_00000000000000000000000000"],
    ["dead-letters", "retry", "sad_00000000000000000000000000"],
    ["dead-letters", "discard", "sad_00000000000000000000000000"],
    ["dead-letters", "pass", "loyalty", "huitou.purchases/3", "--yes"],
    ["api-key", "create", "mart", "--label", "tills", "--scope", "purchases:read"],
    ["api-key", "list"],
    ["api-key", "revoke", "key_00000000000000000000000000"],
    ["status"],
]
"""Commands that speak to the running product."""
IN_HOME = [
    ["verify"],
    ["migrate"],
    ["replay", "loyalty"],
    ["backup", "COPY"],
    ["demo"],
    ["token", "--role", "admin"],
]
"""Commands that work in the home folder."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    shop = Installation(tmp_path_factory.mktemp("commands") / "home", more={"HUITOU_CURRENCY": "USD"})
    with shop.up("--no-demo"):
        yield shop


def _of(command: list[str], folder: Path) -> list[str]:
    file = folder / "purchases.csv"
    file.write_text(HEADER + "1,ann,2026-01-05T12:00:00Z,USD,cd,1,500\n")
    return [str({"FILE": file, "COPY": folder / "copy"}.get(word, word)) for word in command]


def _is_a_sentence(said: "subprocess.CompletedProcess[str]", *codes: Exit) -> None:
    assert "Traceback" not in said.stderr
    assert said.returncode in codes, said.stderr
    assert said.returncode == Exit.DONE or said.stderr.strip() or said.stdout.strip()


@pytest.mark.parametrize("command", SPEAKING, ids=" ".join)
def test_without_a_product_that_runs(command: list[str], tmp_path: Path) -> None:
    stopped = Installation(tmp_path / "home").begin()
    _is_a_sentence(stopped.run(*_of(command, tmp_path)), Exit.NOT_RUNNING)


@pytest.mark.parametrize("command", IN_HOME, ids=" ".join)
@pytest.mark.parametrize("home", ["missing", "a file", "below a file", "newer", "damaged"])
def test_in_a_folder_that_is_no_home(command: list[str], home: str, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    if home in ("a file", "below a file"):
        folder.write_text("no folder")
        folder = folder / "in" if home == "below a file" else folder
    elif home != "missing":
        folder.mkdir()
        (folder / "home.json").write_text('{"layout": 99, "currency": "USD"}' if home == "newer" else "{")

    said = Installation(folder).run(*_of(command, tmp_path))

    if home == "missing":
        _is_a_sentence(said, Exit.DONE if command == ["migrate"] else Exit.BAD_SETTING)
    else:
        _is_a_sentence(said, Exit.USAGE, Exit.BAD_SETTING, Exit.HOME_OF_OTHER_VERSION, Exit.DATABASE_AWAY)


@pytest.mark.parametrize("command", [["up"], ["migrate"], ["replay", "loyalty"]], ids=" ".join)
def test_while_the_product_runs_in_the_same_home(shop: Installation, command: list[str]) -> None:
    _is_a_sentence(shop.run(*command), Exit.HOME_IN_USE)


@pytest.mark.parametrize("target", ["/proc/copy", "/dev/null/copy", "HOME/home.json/copy", "x" * 300])
def test_a_backup_to_a_place_that_cannot_be_made(shop: Installation, target: str, tmp_path: Path) -> None:
    said = shop.run("backup", str(tmp_path / target.replace("HOME", str(shop.home))))

    _is_a_sentence(said, Exit.USAGE, Exit.FAILED)
    assert Path(target).name in said.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--partner", "p", "--scope", "everything"], "purchases:write"),
        (["--partner", "p", "--scope", "purchases:write", "--scope", ""], "There is no scope"),
        (["--partner", "a brand"], "cannot be a partner's id"),
        (["--partner", ""], "cannot be a partner's id"),
        (["--customer", "cus_1"], "26 letters"),
        (["--customer", "ann"], "26 letters"),
        (["--role", "admin", "--scope", "purchases:write"], "Only a partner has scopes"),
        (["--role", "king"], "admin"),
        (["--role", "agent", "--name", "li lei"], "cannot be an operator's login"),
        (["--partner", "p", "--name", "li.lei"], "Only an operator has a login"),
        (["--customer", CUSTOMER, "--full-name", "Li Lei"], "Only an operator has a login"),
        ([], "exactly one"),
        (["--role", "admin", "--partner", "p"], "exactly one"),
    ],
)
def test_a_token_for_nobody_is_refused_with_what_there_is(
    shop: Installation, arguments: list[str], words: str
) -> None:
    said = shop.run("token", *arguments)

    _is_a_sentence(said, Exit.USAGE)
    assert words in said.stderr
    assert not said.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--partner", "example-brand", "--scope", "purchases:write"],
        ["--partner", "example-brand", "--scope", "jobs:read", "--scope", "jobs:cancel"],
        ["--customer", CUSTOMER],
        ["--role", "viewer"],
        ["--role", "agent", "--name", "li.lei", "--full-name", "李雷"],
    ],
)
def test_a_token_is_alone_on_its_line(shop: Installation, arguments: list[str]) -> None:
    said = shop.run("token", *arguments)

    assert (said.returncode, said.stdout.count(".")) == (Exit.DONE, 2)


@pytest.mark.parametrize("file", ["missing.csv", ".", "/proc/self/mem"])
def test_a_file_that_cannot_be_read(shop: Installation, file: str, tmp_path: Path) -> None:
    said = shop.run("import", "purchases", str(tmp_path / file), "--source", "till")

    _is_a_sentence(said, Exit.USAGE)
    assert len(said.stderr.strip().splitlines()) == 1, "a bar stands before the sentence"


@pytest.fixture
def dead(shop: Installation, tmp_path: Path) -> Iterator[list[str]]:
    """Two dead records, one queued behind them, and a partition that stands, in loyalty's database."""
    file = tmp_path / "purchases.csv"
    file.write_text(HEADER + "1,ann,2026-01-05T12:00:00Z,USD,cd,1,500\n")
    assert shop.run("import", "purchases", str(file), "--source", "dead").returncode == Exit.DONE
    ids = [f"sad_01k2m9d6v4e8r7a1b2c3d4e5f{number}" for number in range(3)]
    reason = "A constraint of the database refused what it would write. " * 3
    with closing(sqlite3.connect(shop.home / "loyalty.db", isolation_level=None, timeout=30)) as loyalty:
        for number, (record_id, state) in enumerate(zip(ids, ["dead", "dead", "queued"], strict=True)):
            loyalty.execute(
                'INSERT INTO set_aside (id, consumer, state, type, topic, partition, "offset", key, behind, code, reason,'
                " record, attempts, booked_at) SELECT ?, 'loyalty', ?, 'profile.purchase_recorded.v1', 'huitou.purchases',"
                " 3, ?, ?, ?, 'row_refused', ?, x'00', 1, moved_at FROM consumer_position LIMIT 1",
                (record_id, state, number, CUSTOMER, CUSTOMER, reason),
            )
        loyalty.execute(
            "INSERT INTO stopped_partition (consumer, topic, partition, next_offset, cause, code, stopped_at)"
            " SELECT consumer, topic, partition, next_offset, 'brake', 'row_refused', moved_at FROM consumer_position LIMIT 1"
        )
        loyalty.execute(
            "INSERT INTO braked_batch SELECT consumer, topic, partition, next_offset, next_offset + 40, 40, 12, 1,"
            """ '[{"type": null, "code": "row_refused", "records": 12}]' FROM stopped_partition"""
        )
        yield ids
        loyalty.execute("DELETE FROM set_aside")
        loyalty.execute("DELETE FROM braked_batch")
        loyalty.execute("DELETE FROM stopped_partition")


async def test_a_key_is_created_listed_with_its_last_use_in_any_service_and_revoked(
    shop: Installation,
) -> None:
    scopes = ["--scope", "complaints:read", "--scope", "purchases:read"]
    created = shop.run("api-key", "create", "mart", "--label", "tills", *scopes, "--expires-at", "2199-01-01")
    assert created.returncode == Exit.DONE, created.stderr
    bearer = {"Authorization": f"Bearer {created.stdout.strip()}"}

    loyalty = stacks.local_addresses(shop.port_base)["loyalty"]
    async with httpx2.AsyncClient(base_url=loyalty, headers=bearer) as client:

        async def is_used() -> bool:
            return (await client.get(f"/v1/members/{CUSTOMER}")).status_code != 401

        await waiting.until(is_used, what="loyalty knows the key")
    (key,) = json.loads(shop.run("api-key", "list", "--partner", "mart", "--json").stdout)
    listed = shop.run("api-key", "list")
    revoked = shop.run("api-key", "revoke", key["id"])
    (ended,) = json.loads(shop.run("api-key", "list", "--json").stdout)
    unknown = shop.run("api-key", "revoke", "key_00000000000000000000000000")
    nobody = shop.run("api-key", "list", "--partner", "nobody")

    assert re.fullmatch(PATTERN, created.stdout.strip())
    assert key["id"] in created.stderr
    assert (key["label"], key["scopes"]) == ("tills", ["complaints:read", "purchases:read"])
    assert key["expires_at"] == "2199-01-01T00:00:00Z"
    assert key["last_used_at"] is not None
    assert key["id"] in listed.stdout
    assert (key["revoked_at"], ended["revoked_at"] is not None) == (None, True)
    assert revoked.returncode == Exit.DONE
    assert "[api_key_not_found]" in unknown.stderr
    assert nobody.stdout == "There are no API keys.\n"


def test_the_list_of_dead_letters_cuts_no_id_and_names_partitions_that_stand(
    shop: Installation, dead: list[str]
) -> None:
    narrow = replace(shop, more={**shop.more, "COLUMNS": "40"})

    listed = narrow.run("dead-letters", "list")
    as_json = json.loads(shop.run("dead-letters", "list", "--json").stdout)

    for word in (*dead, CUSTOMER, "profile.purchase_recorded.v1"):
        assert word in listed.stdout
    assert "…" not in listed.stdout
    assert "huitou dead-letters pass" in listed.stdout, "the partition says what to do"
    assert [record["state"] for record in as_json].count("stands") == 1


def test_a_held_batch_passes_when_somebody_says_so(shop: Installation, dead: list[str]) -> None:
    stood = next(
        record
        for record in json.loads(shop.run("dead-letters", "list", "--json").stdout)
        if record["state"] == "stands"
    )
    place = stood["reason"].split()[0]
    asking = ["dead-letters", "pass", "loyalty", place, "--by", "ana"]

    unsure = shop.run(*asking, stdin="n\n")
    spaces = shop.run("dead-letters", "pass", "loyalty", place, "--by", "Ana Li", "--yes")
    elsewhere = shop.run("dead-letters", "pass", "profile", place, "--yes")
    sure = shop.run(*asking, stdin="y\n")

    assert (unsure.returncode, spaces.returncode, elsewhere.returncode) == (
        Exit.FAILED,
        Exit.USAGE,
        Exit.FAILED,
    )
    assert "12 will be set aside as dead and 1 will wait" in unsure.stdout
    assert "12 × unreadable: row_refused" in unsure.stdout
    assert sure.returncode == Exit.DONE, sure.stderr
    with closing(sqlite3.connect(shop.home / "loyalty.db", timeout=30)) as loyalty:
        assert loyalty.execute("SELECT dead_max FROM allowed_batch").fetchall() == [(12,)]


def test_verify_fails_while_records_are_dead_and_names_them(shop: Installation, dead: list[str]) -> None:
    words, document = shop.run("verify"), json.loads(shop.run("verify", "--json").stdout)

    assert words.returncode == Exit.FAILED
    assert "Everything adds up" not in words.stdout
    assert all(record_id in words.stdout for record_id in dead[:2])
    assert "3 records were not applied" in words.stdout
    assert (document["ok"], document["drifts"]) == (False, [])
    assert document["set_aside"] == [
        {"service": "loyalty", "state": "dead", "records": 2, "ids": dead[:2]},
        {"service": "loyalty", "state": "queued", "records": 1, "ids": []},
    ]


def test_a_closed_pipe_is_no_trace(shop: Installation) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as out:
        done = subprocess.run(
            [sys.executable, "-m", "huitou", "status"],
            env=shop.environment, stdout=out, stderr=subprocess.PIPE, text=True, timeout=100, check=False,
        )  # fmt: skip

    assert "Traceback" not in done.stderr


def test_the_version_is_told() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "huitou", "--version"], capture_output=True, text=True, timeout=100, check=True
    )

    assert said.stdout.strip().count(".") == 2


def test_the_status_says_what_runs_where_and_how_large_it_is(shop: Installation) -> None:
    words, document = shop.run("status"), json.loads(shop.run("status", "--json").stdout)

    assert words.returncode == Exit.DONE, words.stdout
    assert [service["name"] for service in document["services"]] == [
        "console",
        "profile",
        "loyalty",
        "feedback",
        "scoring",
    ]
    for service in document["services"]:
        assert (service["running"], service["ready"], service["issues"]) == (True, True, [])
        assert service["address"] in words.stdout
    assert set(document["services"][1]["set_aside"]) == {"dead", "queued", "parked"}
    assert {"profile.db", "log.db", "huitou.log"} <= set(document["files"])
    assert document["currency"] == "USD"


def test_the_status_of_a_folder_that_is_no_home_shows_what_runs_at_its_addresses(
    shop: Installation, tmp_path: Path
) -> None:
    said = Installation(tmp_path / "elsewhere", shop.port_base).run("status", "--json")

    document = json.loads(said.stdout)
    assert (said.returncode, document["currency"]) == (Exit.BAD_SETTING, None), said.stdout
    assert str(tmp_path / "elsewhere") in said.stderr
    assert [service["issues"] for service in document["services"]] == [[], [], [], [], []]


@pytest.mark.parametrize("keys", ["copied", "other"])
def test_the_status_of_a_stopped_home_does_not_take_another_home_s_product_for_its_own(
    shop: Installation, tmp_path: Path, keys: str
) -> None:
    """The other product runs at the ports of this home, which may be a copy of its home, keys and all."""
    stopped = Installation(tmp_path / "stopped", shop.port_base)
    stopped.home.mkdir()
    shutil.copy(shop.home / "home.json", stopped.home)
    if keys == "copied":
        shutil.copytree(shop.home / "keys", stopped.home / "keys")
    else:
        ensure_signing_key(stopped.home)

    said = stopped.run("status", "--json")

    assert said.returncode == Exit.NOT_RUNNING, said.stdout
    for service in json.loads(said.stdout)["services"]:
        assert (service["running"], service["ready"]) == (False, False)
        assert [issue["code"] for issue in service["issues"]] == ["other_product"]


def test_the_status_of_a_home_on_kafka_asks_for_its_own_product_by_its_token(
    shop: Installation, tmp_path: Path
) -> None:
    more = {"HUITOU_BUS_URL": "kafka://127.0.0.1:1"}
    other = Installation(tmp_path / "other", shop.port_base, more)
    other.home.mkdir()
    ensure_signing_key(other.home)

    services = json.loads(other.run("status", "--json").stdout)["services"]

    assert {service["name"] for service in services if service["running"]} == {"console"}


def test_the_status_of_a_product_that_does_not_run_says_so(tmp_path: Path) -> None:
    said = Installation(tmp_path / "home").begin().run("status", "--json")

    assert said.returncode == Exit.NOT_RUNNING
    assert not any(service["running"] for service in json.loads(said.stdout)["services"])
