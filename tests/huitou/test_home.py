"""Whatever the files of a home hold, a command reads them or says in a sentence what is wrong."""

import fcntl
from pathlib import Path

import pytest

from huitou import home as homes
from huitou.exits import Exit, Refused
from huitou.imports import checkpoint
from shared.settings import BadSetting


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"layout": ' + b"9" * 5_000 + b"}", b"\xff\xfe", b""])
def test_a_damaged_home_json_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "home.json").write_bytes(content)

    with pytest.raises(Refused, match=r"home\.json is damaged"):
        homes.read(tmp_path)


def test_a_lock_that_another_process_holds_is_told_whatever_is_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "huitou.lock").write_bytes(b"\xff\xfe")
    with (tmp_path / "huitou.lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        with pytest.raises(Refused, match="already runs") as refused, homes.locked(tmp_path):
            pass

    assert refused.value.code == Exit.HOME_IN_USE


@pytest.mark.parametrize("linked", [True, False])
def test_a_home_is_taken_from_others_with_its_folders_and_their_files(tmp_path: Path, linked: bool) -> None:
    real = tmp_path / "real"
    (real / "keys").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    for path in (real / "profile.db", real / "keys" / "profile.vault"):
        path.write_bytes(b"")
        path.chmod(0o666)
    for path in (real, real / "keys"):
        path.chmod(0o755)
    outside = tmp_path / "outside"
    outside.write_bytes(b"")
    outside.chmod(0o644)
    (real / "keys" / "elsewhere").symlink_to(outside)
    (real / "dangling").symlink_to("nowhere")
    (real / "loop").symlink_to("loop")

    homes.make(tmp_path / "link" if linked else real)

    modes = {path.name: path.stat().st_mode & 0o777 for path in (real, real / "keys", outside)}
    assert modes == {"real": 0o700, "keys": 0o700, "outside": 0o644}
    for path in (real / "profile.db", real / "keys" / "profile.vault"):
        assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("profile.db", "profile.db"),
        ("home.json", "home.json"),
        ("huitou.log", "huitou.log"),
        ("keys/profile.vault", "profile.vault"),
        ("keys", "keys"),
        ("keys", "nowhere"),
    ],
)
def test_a_link_that_leads_nowhere_is_named(tmp_path: Path, name: str, target: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)

    with pytest.raises(BadSetting, match=name), homes.locked(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"[" * 100_000, b"\xff\xfe", b"{"])
def test_a_damaged_checkpoint_is_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "checkpoint.json"
    path.write_bytes(content)

    assert checkpoint.read(path) is None
