"""The help of each command reads well at any width of the terminal, and in the language of the person at it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from fastapi import FastAPI
from typer import rich_utils
from typer.testing import CliRunner

from huitou import registry
from huitou.__main__ import app
from huitou.speech import WORDS, choose
from services.console.settings import Settings as ConsoleSettings
from shared.run import terminal_help
from shared.run.command import Site, _of_service, _of_site


@pytest.fixture(autouse=True)
def _own_language() -> Iterator[None]:
    yield
    choose(None)


@pytest.mark.parametrize("command", [["import", "purchases"], ["dead-letters", "pass"]])
def test_a_paragraph_is_not_broken_where_the_docstring_breaks_it(command: list[str]) -> None:
    told = (
        CliRunner()
        .invoke(app, [*command, "--help"], env={"COLUMNS": "4000", "TERMINAL_WIDTH": "4000"})
        .output
    )

    prose = [line for line in told.splitlines() if line.strip() and not line.startswith(("╭", "│", "╰"))]
    assert len(prose) == 3, "the usage and two paragraphs"


def _texts_of_help(command: Any, context: typer.Context) -> Iterator[str]:
    """Yield the help of a command, of its options and arguments, and of the commands in it."""
    inner = getattr(command, "commands", {})
    yield from (part.help for part in (command, *command.get_params(context)) if part.help)
    for name, below in inner.items():
        yield from _texts_of_help(below, typer.Context(below, info_name=name, parent=context))


def _every_text() -> Iterator[str]:
    services = [_of_service(service) for service in registry.services()]
    console = _of_site(Site("Huitou console", ConsoleSettings(), FastAPI()))
    for group in (app, *services, console):
        command = typer.main.get_command(group)
        yield from _texts_of_help(command, typer.Context(command, info_name="huitou"))


def test_every_text_of_help_has_a_chinese_one_and_no_other_is_kept() -> None:
    shown = {
        *_every_text(),
        *terminal_help.USAGE_WORDS,
        *(getattr(rich_utils, name) for name in terminal_help.TYPERS_OWN),
    }
    translated = set(terminal_help.texts(terminal_help.FILE)) | set(terminal_help.texts(WORDS / "help.toml"))

    assert shown - translated == set(), "texts without Chinese"
    assert translated - shown == set(), "texts that no help has"
    assert len(shown) > 70


@pytest.mark.parametrize(
    "arguments", [["--language", "zh", "token", "--help"], ["--language", "zh", "--help"]]
)
def test_help_is_in_the_language_that_was_named(arguments: list[str]) -> None:
    chinese = CliRunner().invoke(app, arguments).output
    choose(None)
    english = CliRunner().invoke(app, [*arguments[2:]], env={"LC_ALL": "C"}).output

    assert all(word in chinese for word in ("用法：", "选项", "显示本说明后退出。"))
    assert not any(word in chinese for word in ("Usage", "Options", "OPTIONS", "COMMAND", "Show this"))
    assert all(word in english for word in ("Usage:", "Options", "Show this message and exit."))


def test_help_is_in_the_language_of_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")

    whole = CliRunner().invoke(app, ["--help"]).output
    service = CliRunner().invoke(_of_service(registry.services()[0]), ["verify", "--help"]).output

    assert "无法处理的记录" in whole
    assert "重新计算已保存的内容" in service
    assert "用法：" in service


def _every_command(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Yield a command and the commands in it, each with the words that call it."""
    yield command, path
    for name, below in getattr(command, "commands", {}).items():
        yield from _every_command(below, (*path, name))


def _letters(text: str) -> str:
    """Return a text without blanks, the frames of a help, and the marks of its markup."""
    return re.sub(r"[\s─-╿`]", "", text)


@pytest.mark.parametrize("locale", ["zh_CN.UTF-8", "C"])
@pytest.mark.parametrize("width", [80, 100])
def test_no_text_of_help_is_cut(width: int, locale: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rich_utils, "MAX_WIDTH", width)
    monkeypatch.setenv("LC_ALL", locale)
    cut, seen = [], 0

    for group in (app, *(_of_service(service) for service in registry.services())):
        for command, path in _every_command(typer.main.get_command(group)):
            shown = _letters(CliRunner().invoke(group, [*path, "--help"]).output)
            parts = (command, *command.get_params(typer.Context(command, info_name="huitou")))
            texts = [terminal_help._spoken().get(part.help, part.help) for part in parts if part.help]
            seen += len(texts)
            cut += [(path, text) for text in texts if _letters(text) not in shown]

    assert cut == []
    assert seen > 70


COMPLAINTS = {
    (
        "token",
        "--role",
        "nobody",
    ): "'--role' 的值无效：'nobody' 不在可选值之中：'viewer'、'agent'、'manager'、'analyst'、'admin'。",
    ("fit", "bg_nbd", "--until", "x"): "'--until' 的值无效：'x' 不符合格式 '%Y-%m-%d'。",
    ("backup",): "缺少参数 'folder'。",
    ("import", "purchases", "file"): "缺少选项 '--source'。",
    ("imprt",): "没有命令 'imprt'。是否想用 'import'？",
    ("dead-letters", "xyz"): "没有命令 'xyz'。",
    ("up", "--nope"): "没有选项 --nope",
    ("token", "--role"): "选项 '--role' 需要一个值。",
    ("status", "--json=1"): "选项 '--json' 不带值。",
    ("status", "more"): "多余的参数（more）",
}
"""Wrong command lines, with what is said about them."""


@pytest.mark.parametrize("arguments", COMPLAINTS, ids=" ".join)
def test_a_wrong_command_line_is_explained_in_the_language_of_the_terminal(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rich_utils, "MAX_WIDTH", 200)
    english = CliRunner().invoke(app, arguments)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")

    chinese = CliRunner().invoke(app, arguments)

    assert COMPLAINTS[arguments] in chinese.output
    assert (chinese.exit_code, english.exit_code) == (2, 2)
    assert "Value error" not in english.output
    assert not re.search("[\u4e00-\u9fff]", english.output)
