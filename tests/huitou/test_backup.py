"""A backup is refused when its home lacks the keys that its databases were written with: nothing could start from it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from huitou import home as homes
from huitou.exits import Exit
from tests.parts.installations import Installation

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("backup") / "home"
    assert Installation(home).run("migrate").returncode == 0
    homes.write(home, homes.Home(currency="CNY"))
    assert Installation(home).run("accept-loss").returncode == 0, "it makes the log"
    return home


@pytest.fixture
def installation(migrated: Path, tmp_path: Path) -> Installation:
    return Installation(Path(shutil.copytree(migrated, tmp_path / "home")))


def without(name: str) -> Callable[[Path], None]:
    return lambda keys: (keys / name).unlink()


def of_loyalty(keys: Path) -> None:
    shutil.copyfile(keys / "loyalty.vault", keys / "profile.vault")


FAULTS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "no vault": ("profile.vault", without("profile.vault")),
    "no vault of the last service": ("scoring.vault", without("scoring.vault")),
    "no references": ("references.vault", without("references.vault")),
    "no signing key": ("signing.jwk.json", without("signing.jwk.json")),
    "no keys": ("profile.vault", shutil.rmtree),
    "an empty vault": ("profile.vault", lambda keys: (keys / "profile.vault").write_bytes(b"")),
    "the vault of another service": ("profile.vault", of_loyalty),
    "a damaged signing key": (
        "signing.jwk.json",
        lambda keys: (keys / "signing.jwk.json").write_text("[" * 100_000),
    ),
    "the JWKS of another key": (
        "jwks.json",
        lambda keys: (keys / "jwks.json").write_text('{"keys": []}'),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_home_without_its_keys_is_not_copied(
    installation: Installation, tmp_path: Path, fault: str
) -> None:
    name, break_keys = FAULTS[fault]
    break_keys(installation.home / "keys")
    before = sorted((installation.home / "keys").glob("*"))

    refusal = installation.run("backup", str(tmp_path / "copy"))

    assert refusal.returncode == Exit.BAD_SETTING, refusal.stdout
    assert name in refusal.stderr
    assert refusal.stderr.count("\n") == 1
    assert not (tmp_path / "copy").exists()
    assert sorted((installation.home / "keys").glob("*")) == before, "nothing is made"


def test_a_home_without_its_keys_is_not_copied_while_the_product_runs_either(
    installation: Installation, tmp_path: Path
) -> None:
    with installation.up("--no-demo"):
        (installation.home / "keys" / "feedback.vault").unlink()
        refusal = installation.run("backup", str(tmp_path / "copy"))

    assert refusal.returncode == Exit.BAD_SETTING
    assert "feedback.vault" in refusal.stderr
    assert not (tmp_path / "copy").exists()


def test_a_home_whose_keys_are_named_in_settings_is_copied(
    installation: Installation, tmp_path: Path
) -> None:
    keys = installation.home / "keys"
    shutil.copyfile(keys / "references.vault", tmp_path / "references")
    (keys / "references.vault").unlink()
    (keys / "signing.jwk.json").unlink()
    installation.more |= {
        "HUITOU_REFERENCE_KEY_FILE": str(tmp_path / "references"),
        "HUITOU_JWKS": str(keys / "jwks.json"),
    }

    saved = installation.run("backup", str(tmp_path / "copy"))

    assert saved.returncode == Exit.DONE, saved.stderr
    copy = Installation(tmp_path / "copy", more=installation.more)
    assert copy.run("verify").returncode == Exit.DONE
