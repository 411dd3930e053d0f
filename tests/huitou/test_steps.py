"""A person who waits at a terminal is told what a command does now; a script is not."""

import sys
from pathlib import Path

import pytest

from huitou.__main__ import app
from huitou.settings import SERVICES

pytestmark = pytest.mark.slow


def test_a_verification_tells_each_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUITOU_HOME", str(tmp_path / "home"))
    app(["migrate"], standalone_mode=False)

    app(["verify"], standalone_mode=False)
    script = capsys.readouterr()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    app(["verify"], standalone_mode=False)
    person = capsys.readouterr()

    assert person.out == script.out == "Everything adds up.\n"
    assert script.err == ""
    assert [line.split()[1] for line in person.err.splitlines()] == [*SERVICES]
