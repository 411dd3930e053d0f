"""The console as a process: what keeps it from starting is said in a sentence."""

import socket

import pytest

from services.console.main import site
from services.console.settings import Settings
from shared.run import command


def test_a_taken_port_is_a_sentence_that_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("HUITOU_PORT_BASE", str(taken.getsockname()[1]))
        assert command.main(lambda: site(Settings()), ["serve"]) == command.EXIT_REFUSED
    assert "HUITOU_PORT_BASE" in capsys.readouterr().err


def test_a_command_it_does_not_have_is_told_which_it_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(lambda: site(Settings()), ["relay"]) == command.EXIT_USAGE
    assert "serve" in capsys.readouterr().err
