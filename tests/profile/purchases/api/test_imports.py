"""Files of purchases over HTTP: what is taken, what is refused with its row, and what a dry run leaves behind."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from services.profile.people.storage.tables import identity
from services.profile.purchases.storage.tables import purchase
from shared.files import parting
from shared.jobs import limits
from shared.jobs.tables import job_piece
from shared.jobs.working import do_chunk, take, work_on_all
from shared.limits import IMPORT_BODY_BYTES_MAX
from shared.vault import subject_key
from tests.profile.running import Profile

HEADER = "order_id,customer,purchased_at,currency,sku,quantity,amount_minor"
ROW = "{order},{customer},2026-03-01T09:30:00Z,CNY,{sku},1,{amount}"
CSV = {"Content-Type": "text/csv"}


def file_of(*rows: str, header: str = HEADER) -> str:
    return "\n".join([header, *rows, ""])


def row(order: object, customer: str = "C-1", sku: str = "TEA", amount: object = 500) -> str:
    return ROW.format(order=order, customer=customer, sku=sku, amount=amount)


async def send(
    client: httpx2.AsyncClient, content: str | bytes | AsyncIterator[bytes], query: str = ""
) -> httpx2.Response:
    return await client.post(f"/v1/imports?source=till{query}", content=content, headers=CSV)


async def work(profile: Profile) -> None:
    await work_on_all(profile.runtime, {kind.operation: kind for kind in profile.service.job_kinds})


async def imported(profile: Profile, content: str | bytes, query: str = "") -> dict[str, Any]:
    """Import a file to its end, and return the job with its errors by row and column."""
    client = profile.operator()
    begun = await send(client, content, query)
    assert begun.status_code == 202, begun.text
    assert begun.headers["location"] == f"/v1/jobs/{begun.json()['id']}"
    await work(profile)
    job: dict[str, Any] = (await client.get(begun.headers["location"])).json()
    errors = (await client.get(f"{begun.headers['location']}/errors")).json()["items"]
    return job | {"errors": {(error["row"], error["pointer"]): error["code"] for error in errors}}


@pytest.mark.both_databases
async def test_a_file_is_imported_and_again_changes_nothing(profile: Profile) -> None:
    content = file_of(row("1", sku="A"), row("2", "C-2"), row("1", sku="B"))
    job = await imported(profile, content)
    assert (job["state"], job["total"], job["done"], job["failed"], job["progress"]) == ("done", 2, 2, 0, 1.0)
    events = len(await profile.events())

    assert (job["outcomes"], job["dry_run"]) == ({"recorded": 2}, False)
    assert job["parameters"] == {"source": "till", "anonymous": False, "dry_run": False}

    again = await imported(profile, content)
    assert (again["done"], again["failed"], again["outcomes"]) == (2, 0, {"repeated": 2})
    assert await profile.count(purchase) == 2
    assert len(await profile.events()) == events
    listed = (await profile.operator().get("/v1/purchases")).json()["items"]
    assert sorted((bought["order_id"], bought["amount_minor"]) for bought in listed) == [
        ("1", 1000),
        ("2", 500),
    ]


@pytest.mark.both_databases
async def test_a_dry_run_tells_the_same_and_leaves_nothing(profile: Profile) -> None:
    await imported(profile, file_of(row("known", amount=700)))
    before = [await profile.count(table) for table in (purchase, identity)]
    events = len(await profile.events())
    content = file_of(
        row("new", "C-9"), row("known"), row("bad", amount="x"), row("far", "C-1")[:-3] + "99999999999999"
    )
    tried = await imported(profile, content, "&dry_run=true")
    assert [await profile.count(table) for table in (purchase, identity)] == before
    assert len(await profile.events()) == events

    done = await imported(profile, content)
    assert tried["errors"] == done["errors"]
    assert (tried["done"], tried["failed"]) == (done["done"], done["failed"]) == (1, 3)
    assert set(done["errors"].values()) == {"differs", "not_an_integer", "too_large"}
    assert (tried["dry_run"], tried["outcomes"]) == (True, done["outcomes"])

    repeated = await imported(profile, content, "&dry_run=true")
    assert (repeated["done"], repeated["failed"]) == (1, 3)
    assert repeated["outcomes"] == {"repeated": 1}


async def test_errors_name_the_row_and_the_column(profile: Profile) -> None:
    content = file_of(
        row("1", amount="1.5"),
        row("2", customer=""),
        row("3").replace("CNY", "XXX"),
        row("4").replace("2026-03-01", "2126-03-01"),
        row("5") + ",more",
        row("6"),
    )
    job = await imported(profile, content)
    assert job["errors"] == {
        (2, "/amount_minor"): "not_an_integer",
        (3, "/customer"): "customer_blank",
        (4, "/currency"): "unknown_currency",
        (5, "/purchased_at"): "in_the_future",
        (6, ""): "wrong_number_of_columns",
    }
    assert (job["done"], job["failed"]) == (1, 5)
    anonymous = await imported(profile, content, "&anonymous=true")
    assert (3, "/customer") not in anonymous["errors"]


@pytest.mark.parametrize(
    ("encoding", "prefix"),
    [("utf-8", b""), ("utf-8-sig", b""), ("gb18030", b""), ("utf-16", b""), ("utf-8", b"sep=,\r\n")],
)
async def test_texts_are_read_in_the_encodings_of_spreadsheets(
    profile: Profile, encoding: str, prefix: bytes
) -> None:
    content = prefix + file_of(row("1", sku="茶叶"), row("2", sku="花茶")).encode(encoding)
    job = await imported(profile, content)
    assert (job["done"], job["errors"]) == (2, {})
    (bought, _) = (await profile.operator().get("/v1/purchases")).json()["items"]
    lines = (await profile.operator().get(f"/v1/purchases/{bought['id']}")).json()["lines"]
    assert lines[0]["sku"] == "花茶"


@pytest.mark.parametrize("separator", [";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "gb18030"])
async def test_other_separators_are_recognised(profile: Profile, encoding: str, separator: str) -> None:
    content = file_of(row("1", sku="茶叶"), row("2", sku="花茶")).replace(",", separator)
    job = await imported(profile, content.encode(encoding))
    assert (job["done"], job["errors"]) == (2, {})


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "file_is_empty"),
        (b"PK\x03\x04\x14\x00", "no_csv"),
        (b"order_id\rcustomer\r", "file_ends_with_cr"),
        (b"\xff\xfeo\x00\x00\xd8", "file_is_not_in_encoding"),
        (file_of(row("1", sku="Müsli")).encode("windows-1252"), "encoding_unclear"),
        (file_of(header=HEADER.replace("sku", "skew")), "column_unknown"),
        (file_of(header=HEADER.replace("sku", "zzzzzz")), "column_unknown"),
        (file_of(header=HEADER.replace("currency,", "")), "column_lacks"),
        (file_of(header=HEADER + ",amount"), "column_must_be_one_of"),
        (file_of(header=HEADER + ",sku"), "column_named_twice"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_at_once(
    profile: Profile, content: str | bytes, code: str
) -> None:
    answer = await send(profile.operator(), content)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "file_refused")
    assert code in [error["code"] for error in problem["errors"]]


async def test_a_header_alone_is_a_job_without_orders(profile: Profile) -> None:
    job = await imported(profile, file_of())
    assert (job["state"], job["total"], job["done"], job["progress"]) == ("done", 0, 0, 1.0)


async def test_another_media_type_is_refused(profile: Profile) -> None:
    answer = await profile.operator().post("/v1/imports?source=till", json={})
    assert (answer.status_code, answer.json()["code"]) == (415, "csv_expected")


async def test_a_file_above_the_limit_is_refused_by_its_real_length(profile: Profile) -> None:
    async def streamed() -> AsyncIterator[bytes]:
        yield file_of().encode()
        for _ in range(IMPORT_BODY_BYTES_MAX // 65536):
            yield b" " * 65536

    answer = await send(profile.operator(), streamed())
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_what_is_staged_is_sealed_and_destroyed_at_the_end(profile: Profile) -> None:
    customer = "C-secret-1"
    await send(profile.operator(), file_of(row("1", customer)))

    async def stored() -> list[bytes]:
        async with profile.database.read() as read:
            pieces = select(job_piece.c.content).where(job_piece.c.way == "in")
            return [content for (content,) in await read.all(pieces)]

    pieces = await stored()
    assert len(pieces) == 1
    assert customer.encode() not in pieces[0]
    async with profile.database.read() as read:
        keys_before = await read.scalar(select(func.count()).select_from(subject_key)) or 0
    await work(profile)
    assert await stored() == []
    async with profile.database.read() as read:
        keys_after = await read.scalar(select(func.count()).select_from(subject_key)) or 0
    assert keys_after == keys_before - 1 + 1, "the file's key is gone, and the customer's is there"


@pytest.mark.both_databases
async def test_a_long_file_goes_on_where_a_killed_worker_left_it(
    profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parting, "BATCH_ROWS_MAX", 3)
    content = file_of(*(row(number, f"C-{number}") for number in range(10)))
    job_id = (await send(profile.operator(), content)).json()["id"]
    kinds = {kind.operation: kind for kind in profile.service.job_kinds}
    killed = await take(profile.runtime, kinds)
    assert killed is not None
    killed = await do_chunk(profile.runtime, killed)
    assert killed is not None
    assert await profile.count(purchase) == 0, "first the file is parted"
    assert await do_chunk(profile.runtime, killed) is not None
    assert await profile.count(purchase) == 3

    profile.clock.advance(limits.LEASE)
    await work(profile)
    assert await do_chunk(profile.runtime, killed) is None
    job = (await profile.operator().get(f"/v1/jobs/{job_id}")).json()
    assert (job["state"], job["done"]) == ("done", 10)
    assert await profile.count(purchase) == 10


async def test_a_partner_imports_what_is_its_own(profile: Profile) -> None:
    scopes = ("purchases:write", "purchases:read", "jobs:read", "jobs:cancel")
    mart, bazaar = profile.partner("mart", scopes), profile.partner("bazaar", scopes)
    begun = await send(mart, file_of(row("1"), row("2", customer="")))
    await work(profile)

    job = (await mart.get(begun.headers["location"])).json()
    assert (job["done"], job["requested_by"]) == (1, "partner:mart")
    (error,) = (await mart.get(f"{begun.headers['location']}/errors")).json()["items"]
    assert (error["code"], error["row"]) == ("customer_blank", 3)
    assert error["detail"]
    for path in ("", "/errors"):
        assert (await bazaar.get(begun.headers["location"] + path)).status_code == 404
    assert (await bazaar.post(f"{begun.headers['location']}:cancel")).status_code == 404
    waiting = await send(mart, file_of(row("3")))
    cancelled = await mart.post(f"{waiting.headers['location']}:cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    (bought,) = (await mart.get("/v1/purchases")).json()["items"]
    assert bought["order_id"] == "1"
    assert (await bazaar.get("/v1/purchases")).json()["items"] == []


async def test_the_loop_answers_others_while_a_file_is_parted(profile: Profile) -> None:
    await send(profile.operator(), file_of(*(row(number) for number in range(2_000))))
    taken = await take(profile.runtime, {kind.operation: kind for kind in profile.service.job_kinds})
    assert taken is not None
    parting, other = asyncio.create_task(do_chunk(profile.runtime, taken)), profile.operator()
    answered = 0
    while not parting.done():
        assert (await other.get("/health/live")).status_code == 200
        answered += 1
        await asyncio.sleep(0)  # this request waits for nothing, so nothing else would run
    assert await parting is not None
    assert answered > 10


async def test_an_encoding_that_is_named_is_believed(profile: Profile) -> None:
    content = file_of(row("1", sku="Müsli")).encode("windows-1252")
    job = await imported(profile, content, "&encoding=windows-1252")
    assert (job["done"], job["errors"]) == (1, {})
    for name in ("klingon", "punycode"):
        unknown = await send(profile.operator(), content, f"&encoding={name}")
        (error,) = unknown.json()["errors"]
        assert error["code"] == "encoding_unknown"
        assert "windows-1252, " in error["detail"]
