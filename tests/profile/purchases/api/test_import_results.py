"""The file that an import makes: each row of the file that was sent, with its outcome."""

import csv
import io

import pytest

from shared.files import parting
from shared.jobs.working import work_on_all
from tests.profile.running import Profile

HEADER = "order_id,customer,purchased_at,currency,sku,quantity,amount_minor"


def row(order_id: str, customer: str = "C-1", amount: object = 500) -> str:
    return f"{order_id},{customer},2026-03-01T09:30:00Z,CNY,TEA,1,{amount}"


async def result_of(
    profile: Profile, rows: list[str], query: str = "", language: str = "en"
) -> list[dict[str, str]]:
    client = profile.operator()
    begun = await client.post(
        f"/v1/imports?source=till{query}",
        content="\n".join([HEADER, *rows, ""]),
        headers={"Content-Type": "text/csv", "Accept-Language": language},
    )
    await work_on_all(profile.runtime, {kind.operation: kind for kind in profile.service.job_kinds})
    job = (await client.get(begun.headers["location"])).json()
    answer = await client.get(job["result"])
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


@pytest.mark.both_databases
async def test_each_row_has_its_outcome(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parting, "BATCH_ROWS_MAX", 2)
    await result_of(profile, [row("1"), row("=2")])
    rows = await result_of(
        profile, [row("1"), row("=2"), row("3"), row("3", amount="x"), row("1001", amount=7)]
    )

    assert [
        (line["row"], line["outcome"], line["order_id"], line["column"], line["code"]) for line in rows
    ] == [
        ("2", "repeated", "1", "", ""),
        ("3", "repeated", "'=2", "", ""),
        ("4", "refused", "", "", "other_row_refused"),
        ("5", "refused", "", "amount_minor", "not_an_integer"),
        ("6", "recorded", "1001", "", ""),
    ]
    listed = (await profile.operator().get("/v1/purchases")).json()["items"]
    by_order = {bought["order_id"]: bought["id"] for bought in listed}
    assert [rows[0]["id"], rows[4]["id"]] == [by_order["1"], by_order["1001"]]
    assert "row 5" in rows[2]["detail"]
    assert rows[3]["detail"].endswith(".")


async def test_sentences_are_in_the_language_of_the_request_and_of_a_dry_run_no_new_id_is_told(
    profile: Profile,
) -> None:
    (known,) = await result_of(profile, [row("1")])
    rows = await result_of(profile, [row("1"), row("2"), row("3", customer="")], "&dry_run=true", "zh")
    assert [(line["outcome"], line["id"]) for line in rows] == [
        ("repeated", known["id"]),
        ("recorded", ""),
        ("refused", ""),
    ]
    assert rows[2]["detail"].startswith("顾客为空")


@pytest.mark.parametrize(
    ("operation", "key", "made"), [("import_purchases", "order_id", "pur_"), ("import_returns", "return_id", "ret_")]
)  # fmt: skip
async def test_the_example_of_a_result_names_what_the_import_records(
    profile: Profile, operation: str, key: str, made: str
) -> None:
    document = (await profile.operator().get("/openapi.json")).json()
    described = document["paths"]["/v1/jobs/{job_id}/result"]["get"]["responses"]["200"]["content"]
    (line,) = csv.DictReader(io.StringIO(described["text/csv"]["examples"][operation]["value"]))
    assert (line["row"], line["outcome"], line["id"][:4]) == ("2", "recorded", made)
    assert line[key]


async def test_a_header_alone_makes_a_header_alone(profile: Profile) -> None:
    assert await result_of(profile, []) == []
