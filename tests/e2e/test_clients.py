"""Python clients that are generated from the committed documents work against the running product."""

import asyncio
import json
import re
import subprocess
import uuid
from pathlib import Path

import pytest

from huitou import tokens
from tests.e2e.shop import Shop
from tests.parts.processes import required

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
TESTS = Path(__file__).parents[1]
DOCUMENTS = sorted((TESTS.parent / "docs/openapi").glob("*.json"))
BIN = TESTS / "client/.venv/bin"
JOURNEY = TESTS / "client/journey.py"
SECONDS_MAX = 120
LEFT_OUT = dict.fromkeys(
    ("POST /v1/imports", "POST /v1/imports/returns", "POST /v1/imports/opening-balances"),
    "Unsupported content type text/csv",
)
"""What the generator cannot make yet: calls that send a file."""


@pytest.mark.parametrize("stack", ["embedded"], indirect=True)
async def test_a_generated_client_registers_buys_and_reads_points(shop: Shop, tmp_path: Path) -> None:
    for document in DOCUMENTS:
        warnings = await asyncio.to_thread(_generate, document, tmp_path)
        assert warnings <= LEFT_OUT.keys()
    token = tokens.operator(shop.stack.home, "admin", name="e2e")
    addresses = [shop.stack.address(name) for name in ("profile", "loyalty")]

    went = await asyncio.to_thread(
        _run, [str(BIN / "python"), str(JOURNEY), *addresses, f"O-{uuid.uuid4().hex[:12]}"], tmp_path, token
    )

    assert went.returncode == 0, went.stderr
    told = json.loads(went.stdout)
    member = await shop.get(shop.loyalty, f"/v1/members/{told['customer_id']}")
    assert told["points"] == member["points"]
    assert member["points"]["active"] + member["points"]["pending"] > 0


def _generate(document: Path, folder: Path) -> set[str]:
    """Make a client of one document, compile it, and return the operations that the generator left out."""
    if not (BIN / "openapi-python-client").exists():
        assert not required(), "run: tests/install_parts.sh"
        pytest.skip("the generator is not installed; run: tests/install_parts.sh")
    settings, client = folder / "settings.yaml", folder / f"{document.stem}_client"
    settings.write_text("post_hooks: []\n", encoding="utf-8")
    made = _run(
        [
            str(BIN / "openapi-python-client"), "generate", "--path", str(document), "--meta", "none",
            "--output-path", str(client), "--config", str(settings),
        ],
        folder,
    )  # fmt: skip
    assert made.returncode == 0, made.stdout + made.stderr
    compiled = _run([str(BIN / "python"), "-m", "compileall", "-q", str(client)], folder)
    assert compiled.returncode == 0, compiled.stdout
    return set(re.findall(r"WARNING parsing (\S+ \S+)", made.stdout + made.stderr))


def _run(command: list[str], folder: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": str(BIN), "LANG": "C.UTF-8"},
        input=given,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
