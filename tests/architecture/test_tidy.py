import pytest

from tests.architecture import rules, sources, style_rules
from tests.architecture.rule import Rule


@pytest.mark.parametrize("rule", (*rules.CODE_RULES, *style_rules.STYLE_RULES), ids=str)
def test_code_keeps_the_rule(rule: Rule) -> None:
    found = [
        f"{source.path}:{line}: {what}"
        for source in sources.python_sources()
        for line, what in rule.check(source)
    ]

    assert not found, f"{rule.name}, because {rule.reason}:\n" + "\n".join(found)


@pytest.mark.parametrize("rule", rules.TEXT_RULES, ids=str)
def test_every_file_keeps_the_rule(rule: Rule) -> None:
    found = [
        f"{source.path}:{line}: {what}"
        for source in sources.all_sources()
        for line, what in rule.check(source)
    ]

    assert not found, f"{rule.name}, because {rule.reason}:\n" + "\n".join(found)


@pytest.mark.parametrize("rule", (*rules.CODE_RULES, *rules.TEXT_RULES, *style_rules.STYLE_RULES), ids=str)
def test_a_rule_finds_what_breaks_it(rule: Rule) -> None:
    assert list(rule.check(rule.bad))


def test_the_rules_look_at_the_whole_checkout() -> None:
    seen = {source.path.parts[0] for source in sources.python_sources()}

    assert seen >= {"huitou", "services", "shared", "tests"}
