import re

import jsonschema
from openapi_spec_validator import validate

from shared.http.openapi import operations
from tests.parts.till import Till


def test_the_document_is_valid_openapi(one_till: Till) -> None:
    validate(one_till.app.openapi())


def test_every_operation_is_described_whole(one_till: Till) -> None:
    document = one_till.app.openapi()
    schemas = {"components": document["components"]}
    routes = operations(one_till.app.routes)
    assert routes
    for route in routes:
        operation = document["paths"][route.path_format][route.method.lower()]
        assert operation["operationId"] == route.operation.id
        assert operation["summary"]
        assert operation["tags"]
        assert "**Who:**" in operation["description"]
        assert ({"bearer": []} in operation["security"]) != route.operation.allow.public
        assert {"500", "503"} <= operation["responses"].keys()
        assert route.operation.allow.public or {"401", "403"} <= operation["responses"].keys()
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]["application/json"]
            jsonschema.validate(content["example"], {**content["schema"], **schemas})
        for status, response in operation["responses"].items():
            for content in response.get("content", {}).values():
                assert ("example" in content) or content["examples"]
                if status.startswith("2"):
                    jsonschema.validate(content["example"], {**content["schema"], **schemas})
                for example in content.get("examples", {}).values():
                    assert example["value"]["status"] == int(status)


async def test_every_documented_example_is_accepted(one_till: Till) -> None:
    accepted = 0
    for path, methods in one_till.app.openapi()["paths"].items():
        for method, operation in methods.items():
            if "requestBody" not in operation or operation["operationId"] == "pass_stopped_partition":
                continue  # no batch is held that the example could let pass
            parameters = {
                parameter["name"]: parameter.get("example") for parameter in operation.get("parameters", ())
            }
            async with one_till.client() as client:
                answer = await client.request(
                    method,
                    path.format(**parameters),
                    json=operation["requestBody"]["content"]["application/json"]["example"],
                    headers={"Idempotency-Key": parameters.get("Idempotency-Key") or "k"},
                )
            assert answer.status_code in (200, 201), (path, answer.text)
            accepted += 1
    assert accepted == 2


def test_fastapis_own_errors_are_not_in_the_document(one_till: Till) -> None:
    schemas = one_till.app.openapi()["components"]["schemas"]

    assert "Problem" in schemas
    assert not {"HTTPValidationError", "ValidationError"} & schemas.keys()


async def test_the_documents_are_served_without_a_token_and_ask_nothing_of_another_host(
    one_till: Till,
) -> None:
    async with one_till.client(None) as client:
        page = await client.get("/docs")
        files = [await client.get(path) for path in re.findall(r'(?:src|href)="([^"]+)"', page.text)]
        openapi, asyncapi = await client.get("/openapi.json"), await client.get("/asyncapi.json")

    assert len(files) == 5
    assert all(file.status_code == 200 for file in files)
    assert "http" not in page.text.replace("https://www.w3.org", "")
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert openapi.json()["openapi"].startswith("3.1")
    assert "huitou token" in openapi.json()["info"]["description"]
    assert asyncapi.json()["asyncapi"] == "3.0.0"


async def test_the_type_of_every_problem_resolves(one_till: Till) -> None:
    types = {
        example["value"]["type"]
        for path in one_till.app.openapi()["paths"].values()
        for operation in path.values()
        for response in operation["responses"].values()
        for content in response.get("content", {}).values()
        for example in content.get("examples", {}).values()
    } | {"/problems/not_found", "/problems/method_not_allowed", "/problems/internal_error"}
    async with one_till.client(None) as client:
        for path in sorted(types):
            english = await client.get(path)
            chinese = await client.get(path, headers={"Accept-Language": "zh"})
            assert (english.status_code, chinese.status_code) == (200, 200), path
            assert english.text != chinese.text
        assert (await client.get("/problems/nonsense")).status_code == 404


async def test_the_callers_of_each_operation_are_said_in_chinese(one_till: Till) -> None:
    async with one_till.client(None) as client:
        paths = (await client.get("/openapi.json", headers={"Accept-Language": "zh"})).json()["paths"]

    for route in operations(one_till.app.routes):
        description = paths[route.path_format][route.method.lower()]["description"]
        assert description.endswith(f"**谁可以调用：** {route.operation.allow.words('zh')}")


async def test_a_document_is_spared_whoever_has_one_of_several(one_till: Till) -> None:
    for path in ("/openapi.json", "/asyncapi.json"):
        async with one_till.client(None) as client:
            tag = (await client.get(path)).headers["etag"]
            known = await client.get(path, headers={"If-None-Match": f'"other", W/{tag}'})
            other = await client.get(path, headers={"If-None-Match": '"other"'})

        assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", tag)
        assert known.headers["vary"] == "Accept-Language"
        assert other.status_code == 200
