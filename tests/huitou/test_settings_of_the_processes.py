"""A setting that cannot be used ends every process with a sentence, and one that is misspelt is told."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from huitou import registry
from huitou import settings as huitou_settings
from huitou.__main__ import app
from huitou.exits import Exit, Refused
from huitou.home import no_home
from services.console import settings as console
from services.loyalty.main import service
from services.loyalty.settings import Settings
from shared import logs
from shared.http.health import KEYS_UNREADABLE, KeysCheck
from shared.run import command
from shared.service.opening import open_runtime
from shared.settings import BadSetting, in_words, misspelt

SECRETS = ("vault_key", "reference_key", "loyalty_database_url")
NO_SECRETS = {"bus_ca"}
"""The settings with a file that holds no secret."""
POSTGRES = "postgresql://loyalty:s3cret@127.0.0.1:1/loyalty"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HUITOU_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HUITOU_BUS_URL", "kafak://here"),
        ("HUITOU_BUS_URL", "kafka://"),
        ("HUITOU_BUS_URL", ""),
        ("HUITOU_LOYALTY_DATABASE_URL", "mysql://here"),
        ("HUITOU_LOYALTY_DATABASE_URL", "hello"),
        ("HUITOU_LOYALTY_DATABASE_URL", "postgresql://loyalty:s3cret@here:port/loyalty"),
        ("HUITOU_BUS_URL", "kafka://loyalty:s3cret@127.0.0.1:1"),
        ("HUITOU_BUS_URL", "kafka://127.0.0.1:1,loyalty:s3cret@127.0.0.1:1"),
        ("HUITOU_BUS_URL", "kafka://loyalty:s3cret"),
        ("HUITOU_BUS_URL", "kafka://127.0.0.1:1?password=s3cret"),
        ("HUITOU_BUS_URL", "kafak://loyalty:s3cret@127.0.0.1:1"),
        ("HUITOU_BUS_URL", "kafak://loyalty:s3cret"),
        ("HUITOU_LOYALTY_DATABASE_URL", "postgresql://loyalty:s3c@s3cret@127.0.0.1:1/x"),
        ("HUITOU_LOYALTY_DATABASE_URL", "postgresql://loyalty:s@here/s3cret@127.0.0.1:1/x"),
        ("HUITOU_LOYALTY_DATABASE_URL", "postgresql://loyalty:s@here?s3cret=3@127.0.0.1:1/x"),
        ("HUITOU_LOYALTY_DATABASE_URL", "postgresql://loy/alty:s3cret@127.0.0.1:1/x"),
        ("HUITOU_JWKS", "htps://loyalty:s3cret@here/jwks.json"),
        ("HUITOU_JWKS", "https://loyalty:s3cret@[::1/jwks.json"),
        ("HUITOU_LOG_LEVEL", "loud"),
        ("HUITOU_CURRENCY", "XXY"),
        ("HUITOU_VAULT_KEY", "s3cret"),
        ("HUITOU_VAULT_KEY_FILE", "/nowhere"),
        ("HUITOU_REFERENCE_KEY_FILE", "/nowhere"),
        ("HUITOU_LOYALTY_DATABASE_URL_FILE", "/nowhere"),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv("HUITOU_BUS_URL", "embedded://")
    monkeypatch.setenv(name, value)

    status = command.main(lambda: service(Settings()), ["verify"])

    said = capsys.readouterr().err
    assert status == command.EXIT_REFUSED
    assert said.count("\n") == 1
    assert said.startswith(name)
    assert "s3cret" not in said


def test_a_user_of_kafka_in_the_url_is_told_where_it_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUITOU_BUS_URL", "kafka://loyalty:s3cret@127.0.0.1:1")

    with pytest.raises(ValidationError) as refused:
        Settings()

    said = in_words(refused.value)
    for words in (said, said.zh):
        assert "HUITOU_BUS_USER" in words
        assert "HUITOU_BUS_PASSWORD_FILE" in words
    assert "s3cret" not in str(refused.value)


def test_an_at_sign_in_a_password_of_a_database_is_written_as_a_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUITOU_LOYALTY_DATABASE_URL", "postgresql://loyalty:s3c%40s3cret@127.0.0.1:1/loyalty")

    assert command.main(lambda: service(Settings()), ["verify"]) == command.EXIT_REFUSED

    assert capsys.readouterr().err.startswith("The database loyalty at 127.0.0.1:1 does not answer")


def test_a_secret_is_read_from_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{POSTGRES}\n")
    for name in SECRETS:
        monkeypatch.setenv(f"HUITOU_{name.upper()}_FILE", str(file))

    settings = Settings()

    assert {settings.secret(name) for name in SECRETS} == {POSTGRES}
    assert settings.database == POSTGRES


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_is_told_twice_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setenv(f"HUITOU_{name.upper()}", "s3cret")
    monkeypatch.setenv(f"HUITOU_{name.upper()}_FILE", "/somewhere")

    assert command.main(lambda: service(Settings()), ["verify"]) == command.EXIT_REFUSED

    said = capsys.readouterr().err
    assert said == f"HUITOU_{name.upper()} and HUITOU_{name.upper()}_FILE are both set; set one of them\n"


def test_every_secret_setting_has_a_file() -> None:
    every = {name for settings in registry.SETTINGS for name in settings.model_fields}
    secret = {name for name in every if name.endswith(("_key", "_password", "_database_url"))}

    assert secret == {name.removesuffix("_file") for name in every if name.endswith("_file")} - NO_SECRETS
    assert set(SECRETS) <= secret


def test_a_database_that_does_not_answer_is_one_sentence_without_its_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUITOU_LOYALTY_DATABASE_URL", POSTGRES)

    status = command.main(lambda: service(Settings()), ["verify"])

    said = capsys.readouterr().err
    assert status == command.EXIT_REFUSED
    assert said.startswith("The database loyalty at 127.0.0.1:1 does not answer")
    assert said.count("\n") == 1
    assert "s3cret" not in said


def test_postgresql_without_a_word_about_the_bus_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUITOU_LOYALTY_DATABASE_URL", POSTGRES)
    with pytest.raises(BadSetting, match="HUITOU_BUS_URL is not set"):
        command.check_bus(Settings())

    monkeypatch.setenv("HUITOU_BUS_URL", "embedded://")
    command.check_bus(Settings())


def test_a_misspelt_setting_is_told_with_the_one_that_is_meant() -> None:
    assert list(misspelt(Settings, {"HUITOU_BUS_ULR": "", "HUITOU_CURENCY": "", "HUITOU_BUS_URL": ""})) == [
        ("HUITOU_BUS_ULR", "HUITOU_BUS_URL"),
        ("HUITOU_CURENCY", "HUITOU_CURRENCY"),
    ]


def test_a_process_logs_what_is_misspelt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUITOU_LOYALTY_DATABASE_URL", POSTGRES)
    monkeypatch.setenv("HUITOU_BUS_ULR", "kafka://here:9092")

    status = command.main(lambda: service(Settings()), ["relay"])

    told, refused = capsys.readouterr().err.splitlines()
    assert status == command.EXIT_REFUSED
    assert json.loads(told)["variable"] == "HUITOU_BUS_ULR"
    assert json.loads(told)["meant"] == "HUITOU_BUS_URL"
    assert "HUITOU_BUS_URL is not set" in refused


def test_settings_of_other_services_are_left_alone() -> None:
    every = dict.fromkeys(
        [*registry.variables(), "HUITOU_DATABASE_PASSWORD", "HUITOU_OTHER_DATABASE_URL"], ""
    )
    assert [list(misspelt(settings, every)) for settings in registry.SETTINGS] == [[], [], [], []]


def test_the_command_and_the_console_know_the_port_of_every_service() -> None:
    offsets = {settings.service: settings.port_offset for settings in registry.SETTINGS}
    assert offsets == console.PORT_OFFSETS
    assert {"console": console.Settings.port_offset} | offsets == huitou_settings.PORT_OFFSETS


@pytest.mark.parametrize(
    "arguments",
    [
        ["accept-loss"],
        ["api-key", "list"],
        ["backup", "copy"],
        ["dead-letters", "list"],
        ["demo"],
        ["fit", "bg_nbd"],
        ["import", "purchases", "FILE", "--source", "till"],
        ["replay", "loyalty"],
        ["status"],
        ["token", "--role", "admin"],
        ["verify"],
    ],
    ids=" ".join,
)
def test_a_folder_that_is_no_home_is_refused_and_left_as_it_is(
    home: Path, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "purchases.csv"
    file.write_text(
        "order_id,customer,purchased_at,currency,sku,quantity,amount_minor\n1,a,2026-01-05T12:00:00Z,USD,x,1,5\n"
    )
    monkeypatch.setenv("HUITOU_PORT_BASE", "1")  # nothing listens there

    with pytest.raises(Refused) as refused:
        app([str(file) if word == "FILE" else word for word in arguments], standalone_mode=False)

    assert refused.value.code == Exit.BAD_SETTING
    assert str(refused.value) == str(no_home(home))
    assert not home.exists()


def test_books_that_cannot_be_reached_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for settings in registry.SETTINGS:
        monkeypatch.setenv(f"HUITOU_{settings.service.upper()}_DATABASE_URL", POSTGRES)

    with pytest.raises(Refused, match=r"The database loyalty at .* does not answer") as refused:
        app(["verify"], standalone_mode=False)

    assert refused.value.code == Exit.DATABASE_AWAY


async def test_keys_that_cannot_be_read_are_an_issue_before_anybody_shows_a_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("HUITOU_JWKS", str(tmp_path / "missing.json"))
    logs.configure("loyalty")
    async with open_runtime(service(Settings())) as runtime:
        check = KeysCheck(runtime.tokens)
        found = [*await check(), *await check()]

    assert found == [KEYS_UNREADABLE, KEYS_UNREADABLE]
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["file"] == str(tmp_path / "missing.json")
