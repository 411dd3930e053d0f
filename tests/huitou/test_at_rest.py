"""No name, phone or address that somebody sends is found in any file of a home, whatever field it was sent in."""

import base64
import json
import re
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from huitou import tokens
from huitou.settings import PORT_OFFSETS, SERVICES
from shared.auth import signing
from shared.auth.principal import ROLES
from shared.clock import SystemClock
from tests.contract.http.places import nodes, replaced
from tests.contract.http.targets import Operation
from tests.parts import at_rest, canaries
from tests.parts.installations import Installation

pytestmark = pytest.mark.slow

WAIT_SECONDS_MAX = 60.0
MARK = "order-4711-of-the-control"
"""An order id, which is kept as it is: the search must find it where it stands."""
MERCHANTS = {"source", "order_id", "return_id", "activity_id", "sku", "category", "brand", "channel", "store"}
"""The merchant's ids and codes in profile, and in carts, rewards and activities that loyalty keeps. A name or digits alone are taken for such an id (ADR 27)."""
PUBLISHED = {"name_en", "name_zh", "refused_en", "refused_zh"}
"""What the shop calls its tiers, rewards and coupons, and tells whose code is refused, for all members to read. Nobody's data belongs there."""
WHOLE_TEXTS = {
    ("open_complaint", "title"), ("open_complaint", "body"), ("open_complaint", "source"), ("open_complaint", "order_id"),
    ("add_message", "body"), ("take_action", "reason"), ("take_action", "owner"), ("take_action", "method"),
    ("take_action", "note"), ("grant_remedy", "reason"), ("adjust_points", "reason"), ("redeem_points", "reference"),
    ("redeem_points", "source"), ("redeem_points", "order_id"), ("record_purchase", "name"), ("register_customer", "email"),
}  # fmt: skip
"""Fields that must have taken a canary, so that the test is not passed by refusals."""
WRITTEN = (None, "email", "phone")
"""The formats of texts that people write."""


@dataclass
class Product:
    """A running product, and the customer that everything happens to."""

    installation: Installation
    client: httpx2.Client
    customer_id: str = ""

    def address(self, service: str) -> str:
        return f"http://127.0.0.1:{self.installation.port_base + PORT_OFFSETS[service]}"

    def operator(self, name: str) -> str:
        """Return a token of an operator of this name with every role."""
        return signing.mint(
            signing.load_signing_key(self.installation.home), "operator", name, now=SystemClock().now(),
            ttl=tokens.OPERATOR_TTL, roles=sorted(ROLES),
        )  # fmt: skip

    def send(
        self, method: str, service: str, path: str, body: Any = None, token: str | None = None
    ) -> httpx2.Response:
        """Send a request with a key of its own."""
        bearer = token or self.operator(canaries.LATIN)
        headers = {"Authorization": f"Bearer {bearer}", "Idempotency-Key": uuid.uuid4().hex}
        return self.client.request(method, f"{self.address(service)}{path}", json=body, headers=headers)

    def done(self, service: str, path: str, body: Any) -> dict[str, Any]:
        answer = self.send("POST", service, path, body)
        assert answer.is_success, answer.text
        document: dict[str, Any] = answer.json()
        return document

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.1)  # another process says nothing that could be awaited


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product that knows a customer with an order, points and a complaint."""
    installation = Installation(tmp_path_factory.mktemp("rest") / "home")
    with installation.up("--no-demo"), httpx2.Client(timeout=30) as client:
        running = Product(installation, client)
        bought = running.done("profile", "/v1/purchases", purchase(MARK))
        running.customer_id = bought["customer_id"]
        member = f"/v1/members/{running.customer_id}"
        running.until(lambda: running.send("GET", "loyalty", member).is_success)
        running.done("loyalty", f"{member}/adjustments", {"points": 100_000, "reason": "a start"})
        yield running


def purchase(order_id: str) -> dict[str, Any]:
    return {
        "source": "till", "order_id": order_id, "purchased_at": "2026-03-10T09:30:00Z", "currency": "CNY",
        "customer": {"external_id": "C-1", "phone": canaries.PHONE, "email": canaries.EMAIL},
        "lines": [{"sku": "TEA", "quantity": 9, "amount_minor": 1000}],
    }  # fmt: skip


def test_nothing_that_people_write_is_found_in_any_file(product: Product, tmp_path: Path) -> None:
    taken = set(_plant_by_documents(product))
    taken |= set(_plant_follow_ups(product))
    _ask_for_people(product)
    home, copy = product.installation.home, tmp_path / "copy"
    product.until(lambda: any(hit.startswith("log.db") for hit in canaries.found(home, MARK)))
    assert product.installation.run("backup", str(copy)).returncode == 0

    for folder in (home, copy):
        hits = {text: hits for text in canaries.CANARIES if (hits := list(canaries.found(folder, text)))}
        assert hits == {}
        assert any("profile.db" in hit for hit in canaries.found(folder, MARK)), (
            "the search finds what is there"
        )
    assert WHOLE_TEXTS - taken == set()


def test_every_plain_value_has_the_form_of_its_column(product: Product) -> None:
    wrong, looked = set(), 0
    for service, table, column in at_rest.columns():
        form = at_rest.form_of(table, column)
        if at_rest.is_document(column) or form is None:
            continue
        path = product.installation.home / f"{service}.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            statement = (
                f'SELECT DISTINCT "{column.name}" FROM "{table.name}" WHERE "{column.name}" IS NOT NULL'
            )
            for (value,) in database.execute(statement):
                looked += 1
                if not form.pattern.fullmatch(value):
                    wrong.add(f"{service}: {table.name}.{column.name}: {value[:60]!r}")
    assert wrong == set()
    assert looked > 100


@pytest.mark.parametrize("text", canaries.CANARIES)
def test_the_search_finds_a_text_however_it_is_written(text: str, tmp_path: Path) -> None:
    for number, written in enumerate(canaries.written(text).values()):
        (tmp_path / f"{number}").write_bytes(b"\x00\x01before" + written + b"after")
    files = {hit.partition(":")[0] for hit in canaries.found(tmp_path, text)}
    assert files == {str(number) for number in range(len(canaries.written(text)))}
    for before in ("", "x", "xy", "xyz"):
        (tmp_path / "coded").write_bytes(base64.b64encode(f"{before}{text} and more".encode()))
        assert any(hit.startswith("coded: base64") for hit in canaries.found(tmp_path, text))


def _plant_by_documents(product: Product) -> Iterator[tuple[str, str]]:
    """Send each canary in each text of each example of each operation; yield the operations and fields that took one."""
    for service in SERVICES:
        document = product.client.get(f"{product.address(service)}/openapi.json").json()
        for path, methods in document["paths"].items():
            for method, described in methods.items():
                operation = Operation(method.upper(), path, described)
                if operation.content:
                    yield from _plant(product, service, document, operation)


def _plant(
    product: Product, service: str, document: Mapping[str, Any], operation: Operation
) -> Iterator[tuple[str, str]]:
    content, name = operation.content, operation.described["operationId"]
    assert content is not None, "only operations with a body come here"
    example = json.loads(re.sub(r"cus_[0-9a-z]+", product.customer_id, json.dumps(content["example"])))
    if name == "redeem_points":
        order = {"source": "web", "order_id": "1", "adds": True}
        example = {"points": 1, "reference": "x", "order": order}
    if name == "take_action":
        example = {"action": "escalate", "reason": "x", "owner": "x"}
    texts = [
        node
        for node in nodes(document, content["schema"], example)
        if node.schema.get("type") == "string"
        and not {"enum", "const"} & node.schema.keys()
        and node.schema.get("format") in WRITTEN
        and not (service == "loyalty" and node.place[-1] in PUBLISHED)
    ]
    for node in texts:
        field = str(node.place[-1])
        for text in (canaries.NAME, canaries.PHONE, canaries.EMAIL, canaries.ABROAD):
            is_merchants = field in MERCHANTS and (
                service == "profile"
                or name
                in ("hold_points", "save_reward", "save_coupon", "record_activity", "record_activities")
            )
            if is_merchants and text not in (canaries.EMAIL, canaries.ABROAD):
                continue
            body = replaced(example, node.place, text)
            body = _fresh(body, field)
            answer = product.send(operation.method, service, _path(product, operation), body)
            assert answer.status_code < 500, answer.text
            batch = answer.json().get("items", []) if answer.status_code == 207 else []
            if answer.is_success and all(item.get("status", 201) < 300 for item in batch):
                if is_merchants:
                    raise AssertionError(f"{name} took {text} as {field}")
                yield name, field


def _fresh(body: Any, field: str) -> Any:
    """Return the body for an order of its own, so that no repeat is refused for it; not if the order id is planted."""
    if isinstance(body, list):
        return [_fresh(item, field) for item in body]
    if not isinstance(body, dict):
        return body
    inner = {name: _fresh(value, field) for name, value in body.items()}
    renamed = {"order_id"} & body.keys() - {field}
    return inner | dict.fromkeys(renamed, uuid.uuid4().hex)


def _path(product: Product, operation: Operation) -> str:
    """Return a path to something that is there: each time a new complaint, since actions end them."""
    ids = dict.fromkeys((name for name, _ in operation.named("path")), "bg_nbd")
    ids["customer_id"] = product.customer_id
    if "complaint_id" in ids:
        ids["complaint_id"] = _complaint(product)
    return operation.path.format_map(ids)


def _complaint(product: Product) -> str:
    complaint = {"customer": {"id": product.customer_id}, "channel": "web", "title": "x", "body": "x"}
    opened = product.done("feedback", "/v1/complaints", complaint)
    return str(opened["id"])


def _plant_follow_ups(product: Product) -> Iterator[tuple[str, str]]:
    """Bring a complaint to its follow-up for each canary, and name the canary in it."""
    for text in canaries.CANARIES:
        path = f"/v1/complaints/{_complaint(product)}"
        product.done("feedback", f"{path}/transitions", {"action": "start", "owner": text})
        product.done("feedback", f"{path}/messages", {"kind": "agent", "body": text})
        product.done("feedback", f"{path}/transitions", {"action": "answer"})
        follow_up = {"method": text, "result": "satisfied", "note": text}
        product.done("feedback", f"{path}/transitions", {"action": "follow_up", "follow_up": follow_up})
        shown = product.send("GET", "feedback", path).json()
        assert (shown["owner"], shown["follow_ups"][0]["method"]) == (text, text)
        assert shown["follow_ups"][0]["by"] == canaries.LATIN
        yield from (("take_action", field) for field in ("method", "note", "owner"))


def _ask_for_people(product: Product) -> None:
    """Let operators, a partner and filters carry the canaries."""
    for text in canaries.CANARIES:
        token = product.operator(text)
        member = f"/v1/members/{product.customer_id}"
        for service, path, body in (
            ("loyalty", f"{member}/adjustments", {"points": 1, "reason": text}),
            (
                "feedback",
                f"/v1/complaints/{_complaint(product)}/remedies",
                {"kind": "points", "points": 1, "reason": text},
            ),
            ("scoring", "/v1/models/bg_nbd/fits", {"until": "2026-03-09"}),
            ("profile", "/v1/purchases", purchase(uuid.uuid4().hex)),
        ):
            answer = product.send("POST", service, path, body, token)
            assert answer.is_success, answer.text
        listed = product.client.get(
            f"{product.address('feedback')}/v1/complaints",
            params={"owner_id": "me"},
            headers={"Authorization": f"Bearer {token}"},
        ).json()
        assert {complaint["owner"] for complaint in listed["items"]} == {text}
