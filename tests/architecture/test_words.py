"""Chinese has one word for each thing too: that of the glossary."""

import re

import pytest

from tests.architecture.sources import ROOT, all_sources

OTHER_WORDS = {
    "customer": "客户(?!端)|主顾|买家",
    "operator": "运营人员|运维人员|工作人员|店员|员工|职员",
    "remedy": "补救",
}
"""Words that mean the same as a word of the glossary, and are not it. 客户端 is a program that calls the API."""


@pytest.mark.parametrize("english", OTHER_WORDS)
def test_nothing_uses_another_word_than_the_glossary(english: str) -> None:
    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    (chinese,) = re.findall(rf"^\| {english} \| (\S+) \|", glossary, re.MULTILINE)
    used = [
        f"{source.path}:{number}: {line.strip()}"
        for source in all_sources()
        if source.path.name != "test_words.py"
        for number, line in enumerate(source.text.splitlines(), 1)
        if re.search(OTHER_WORDS[english], line)
    ]

    assert not re.search(OTHER_WORDS[english], chinese)
    assert used == [], f"say {chinese}"
