"""A command speaks the language of the person at the terminal, or the one that is named."""

import pytest

from huitou.exits import Exit
from huitou.speech import LOCALES, choose, language, said
from tests.parts.installations import Installation


@pytest.mark.parametrize(
    ("variables", "spoken"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "zh_TW"}, "zh"),
    ],
)
def test_the_terminal_says_its_language(
    variables: dict[str, str], spoken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in LOCALES:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert language() == spoken


def test_a_language_that_was_chosen_is_stronger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    choose("zh")
    try:
        assert said("nothing_lost") == "没有丢失。"
    finally:
        choose(None)
    assert said("nothing_lost") == "Nothing is lost."


@pytest.mark.slow
def test_a_refusal_is_in_the_language_that_was_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    shop = Installation(tmp_path_factory.mktemp("speech") / "home")
    chinese = Installation(shop.home, more={"LC_ALL": "zh_CN.UTF-8"})

    for refusal in (shop.run("--language", "zh", "verify"), chinese.run("verify")):
        assert refusal.returncode == Exit.BAD_SETTING
        assert "不是回头的主目录" in refusal.stderr
    assert "is no home of Huitou" in chinese.run("--language", "en", "verify").stderr
    shop.begin()
    assert "没有响应" in chinese.run("status").stdout + chinese.run("dead-letters", "list").stderr
