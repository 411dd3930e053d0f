"""The two programs of the recipe of a checkout, in Python and in TypeScript, run against the product."""

import asyncio
import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest

from huitou import tokens
from tests.e2e.shop import Shop
from tests.parts import npm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.parametrize("stack", ["embedded"], indirect=True),
]
ROOT = Path(__file__).parents[2]
RECIPES, DOCUMENTS = ROOT / "docs/recipes", ROOT / "docs/openapi"
SECONDS_MAX = 60
HELD = 100
"""The points that both programs pay with."""
AMOUNT_MINOR = 5600
"""What the cart of both programs costs."""


async def test_the_checkout_in_python(shop: Shop) -> None:
    await _pays(shop, [sys.executable, str(RECIPES / "checkout.py")])


@pytest.mark.node
async def test_the_checkout_in_typescript(shop: Shop, tmp_path: Path) -> None:
    program = await asyncio.to_thread(_compiled, tmp_path)

    await _pays(shop, [str(shutil.which("node")), str(program)])


async def _pays(shop: Shop, command: Sequence[str]) -> None:
    order_id = f"O-{uuid.uuid4().hex[:12]}"
    account = f"ext:C-{order_id}"
    await shop.post(shop.profile, "/v1/customers", {"external_id": account.removeprefix("ext:")})
    path = f"/v1/members/{account}"
    await shop.comes_to(shop.loyalty, path, lambda it: bool(it["customer_id"]))
    await shop.post(shop.loyalty, f"{path}/adjustments", {"points": HELD + 20, "reason": "A welcome"})

    went = await asyncio.to_thread(
        _run, [*command, *(shop.stack.address(name) for name in ("loyalty", "profile")), account, order_id],
        tokens.operator(shop.stack.home, "admin", name="e2e"),
    )  # fmt: skip

    assert went.returncode == 0, went.stderr
    told = json.loads(went.stdout)
    assert (told["state"], told["redeemed"]) == ("committed", HELD)
    purchases = await shop.get(shop.profile, f"/v1/purchases?order_id={order_id}")
    (purchase,) = purchases["items"]
    assert purchase["amount_minor"] == AMOUNT_MINOR
    member = await shop.get(shop.loyalty, f"{path}?after={purchase['id']}")
    assert member["points"]["active"] + member["points"]["pending"] > 20, "what was left, and what it earned"


def _compiled(folder: Path) -> Path:
    """Return the program that the TypeScript of the recipe compiles to."""
    shutil.copy(RECIPES / "checkout.ts", folder)
    (folder / "package.json").write_text('{"type": "module"}')
    for name in ("loyalty", "profile"):
        made = npm.run(
            "openapi-typescript", str(DOCUMENTS / f"{name}.json"), "-o", str(folder / f"{name}.d.ts")
        )
        assert made.returncode == 0, made.stderr
    compiled = npm.run(
        "tsc", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "es2022",
        "--moduleResolution", "bundler", "--lib", "es2022,dom,dom.asynciterable", str(folder / "checkout.ts"),
    )  # fmt: skip
    assert compiled.returncode == 0, compiled.stdout
    return folder / "checkout.js"


def _run(command: list[str], token: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, input=token, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
