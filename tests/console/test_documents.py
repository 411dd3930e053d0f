"""The one document of all services: valid, unique, and there while a service is away."""

import json
from pathlib import Path

import httpx2
import pytest
from openapi_spec_validator import validate

from services.console import forwarding, merging, service_documents
from services.console.settings import PORT_OFFSETS
from tests.console.conftest import ByPort
from tests.contract.http.test_linters import redocly, spectral

CHINESE = {"Accept-Language": "zh"}


async def test_the_one_document_is_valid_and_names_everything_once(reader: httpx2.AsyncClient) -> None:
    document = (await reader.get("/openapi.json")).json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    ids = [operation["operationId"] for operation in operations]
    tags = [tag["name"] for tag in document["tags"]]

    validate(document)
    assert len(ids) == len(set(ids)) > 90
    assert len(tags) == len(set(tags))
    assert {tag for operation in operations for tag in operation["tags"]} == set(tags)
    assert {"record_purchase", "list_audit_of_profile", "list_audit_of_scoring"} <= set(ids)
    assert {path.split("/")[1] for path in document["paths"]} == {"profile", "loyalty", "feedback", "scoring"}
    assert all(
        path.startswith(
            tuple(f"/{name}{beginning}" for name in PORT_OFFSETS for beginning in forwarding.OPEN)
        )
        for path in document["paths"]
    )
    created = document["paths"]["/profile/v1/customers"]["post"]["responses"]["201"]
    assert created["headers"]["Location"]["example"].startswith("/profile/v1/customers/")
    read = document["paths"]["/loyalty/v1/approvals/{approval_id}"]["get"]["responses"]["200"]
    shown = read["content"]["application/json"]["example"]
    assert shown["address"].startswith("/loyalty/v1/approvals/")
    assert shown["created"] is None


async def test_schemas_of_one_name_are_one_schema(reader: httpx2.AsyncClient) -> None:
    schemas = (await reader.get("/openapi.json")).json()["components"]["schemas"]

    assert "Problem" in schemas
    assert not [name for name in schemas if name.startswith(("Profile", "Loyalty", "Feedback", "Scoring"))]


def test_a_schema_that_differs_between_services_gets_their_name_and_so_do_those_that_refer_to_it() -> None:
    def document(kind: str) -> merging.Document:
        answer = {
            "description": "",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}},
        }
        return {
            "openapi": "3.1.0",
            "info": {"title": "", "version": "1", "description": "One."},
            "tags": [],
            "paths": {"/v1/x": {"get": {"operationId": "x", "tags": [], "responses": {"200": answer}}}},
            "components": {
                "schemas": {"Item": {"type": kind}, "Page": {"items": {"$ref": "#/components/schemas/Item"}}}
            },
        }

    one = merging.merged({"profile": document("string"), "loyalty": document("integer")}, "")

    assert one["components"]["schemas"] == {
        "Item": {"type": "string"},
        "Page": {"items": {"$ref": "#/components/schemas/Item"}},
        "LoyaltyItem": {"type": "integer"},
        "LoyaltyPage": {"items": {"$ref": "#/components/schemas/LoyaltyItem"}},
    }
    got = one["paths"]["/loyalty/v1/x"]["get"]
    assert got["operationId"] == "x_of_loyalty"
    assert got["responses"]["200"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/LoyaltyPage"
    }


async def test_the_one_document_is_chinese_for_who_reads_chinese(reader: httpx2.AsyncClient) -> None:
    document = (await reader.get("/openapi.json", headers=CHINESE)).json()
    recorded = document["paths"]["/profile/v1/purchases"]["post"]
    refused = recorded["responses"]["503"]["content"]["application/problem+json"]["examples"]

    validate(document)
    assert recorded["summary"] == "记录购买"
    assert "**谁可以调用：**" in recorded["description"]
    assert refused["service_away"]["summary"] == "服务无应答"
    assert (await reader.get("/openapi/profile.json", headers=CHINESE)).json()["paths"]["/v1/purchases"]
    assert '<html lang="zh">' in (await reader.get("/docs", headers=CHINESE)).text
    assert "顾客" in json.dumps(
        (await reader.get("/asyncapi.json", headers=CHINESE)).json(), ensure_ascii=False
    )


async def test_who_has_the_document_is_spared_it(reader: httpx2.AsyncClient) -> None:
    first = await reader.get("/openapi.json")
    again = await reader.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    chinese = await reader.get("/openapi.json", headers={**CHINESE, "If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert chinese.status_code == 200


@pytest.mark.parametrize("path", ["/openapi.json", "/openapi/profile.json", "/asyncapi.json"])
async def test_each_document_has_a_tag_that_is_found_among_others(
    reader: httpx2.AsyncClient, path: str
) -> None:
    tag = (await reader.get(path)).headers["etag"]
    known = await reader.get(path, headers={"If-None-Match": f'"other", W/{tag}'})

    assert (known.status_code, known.headers["etag"]) == (304, tag)


async def test_the_document_of_a_service_that_goes_away_stays(
    reader: httpx2.AsyncClient, services: ByPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.away.add("scoring")
    without = (await reader.get("/openapi.json")).json()["paths"]
    asked = len(services.asked)
    await reader.get("/openapi.json")
    assert len(services.asked) == asked, "asked again at once"

    monkeypatch.setattr(service_documents, "KEPT_SECONDS", 0.0)
    services.away.clear()
    whole = (await reader.get("/openapi.json")).json()["paths"]
    services.away |= {"profile", "scoring"}
    kept = (await reader.get("/openapi.json")).json()["paths"]

    assert {path.split("/")[1] for path in without} == {"profile", "loyalty", "feedback"}
    assert {path.split("/")[1] for path in whole} == {"profile", "loyalty", "feedback", "scoring"}
    assert kept == whole
    assert (await reader.get("/openapi/nothing.json")).status_code == 404


@pytest.mark.long
@pytest.mark.node
@pytest.mark.slow
async def test_the_linters_find_nothing_in_the_one_document(
    reader: httpx2.AsyncClient, tmp_path: Path
) -> None:
    path = tmp_path / "huitou.json"
    path.write_bytes((await reader.get("/openapi.json")).content)

    assert spectral(path) == []
    assert redocly(path) == []
