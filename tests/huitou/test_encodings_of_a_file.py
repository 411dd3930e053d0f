"""A file is read in its own encoding, or refused until that is named: never in another that happens to fit."""

from pathlib import Path

import pytest

from huitou.exits import Exit, Refused
from huitou.imports.content import opened
from huitou.imports.purchases import PURCHASES
from huitou.speech import choose
from shared.files.entries import Entry
from tests.huitou.order_files import GOOD, HEADER, dry_run, orders

WESTERN = {
    "German": ("Müller", "Jürgen", "Grüße", "Käthe", "Schröder", "Fußball", "Möbel"),
    "French": ("Hélène", "créée", "forêt", "Élodie", "François", "naïve", "cœur"),
    "Spanish": ("Muñoz", "García", "Núñez", "piñata", "corazón y alma"),
    "Portuguese": ("João Gonçalves", "Conceição", "AÇÚCAR", "INFORMAÇÕES"),
    "Nordic": ("Åsa", "Björn", "Sørensen", "Ægir", "smörgås"),
    "signs": ("25°C", "don’t", "½l", "l’Oréal"),
}
CHINESE = {
    "simplified": ("王李", "音乐", "茶叶 250克", "女士T恤", "（大）", "张伟"),
    "traditional": ("龍井綠茶", "臺灣", "張國榮", "運動鞋", "蘋果手機"),
    "among Latin letters": ("Lancôme 口红", "XL码", "T恤 白色", "iPhone手机壳", "拿铁coffee"),
    "with letters of four bytes": ("😀笑脸", "Größe 大号"),
    "one name": ("茶",),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "purchases.csv"


def text_of(words: tuple[str, ...]) -> str:
    rows = [GOOD.format(order=number, amount=5).replace("music", word) for number, word in enumerate(words)]
    return "\n".join([HEADER, *rows]) + "\n"


def categories(read: list[Entry]) -> list[object]:
    return [
        order.body["lines"][0]["category"] if not order.errors else order.errors[0].code for order in read
    ]


def is_gb18030(raw: bytes) -> bool:
    try:
        raw.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("language", WESTERN)
def test_a_western_file_is_never_read_as_chinese(path: Path, language: str) -> None:
    fitting = [word for word in WESTERN[language] if is_gb18030(text_of((word,)).encode("cp1252"))]
    assert fitting, "words of which the bytes are GB18030 too"

    for words in (tuple(fitting), *((word,) for word in fitting)):
        with pytest.raises(Refused, match="--encoding windows-1252") as refused:
            orders(path, text_of(words).encode("cp1252"))
        assert refused.value.code == Exit.USAGE
    for word in WESTERN[language]:
        if word not in fitting:
            assert categories(orders(path, text_of((word, "x")).encode("cp1252"))) == ["bad_encoding", "x"]


@pytest.mark.parametrize("kind", CHINESE)
@pytest.mark.parametrize("encoding", ["gb18030", "utf-8", "utf-16"])
def test_a_chinese_file_is_read_without_a_word(path: Path, kind: str, encoding: str) -> None:
    words = CHINESE[kind]
    assert categories(orders(path, text_of(words).encode(encoding))) == list(words)


@pytest.mark.parametrize("letters", ["Анна", "Иван", "анна"])
def test_a_file_in_other_letters_of_two_bytes_is_refused(path: Path, letters: str) -> None:
    with pytest.raises(Refused, match="--encoding"):
        orders(path, text_of((letters,)).encode("cp1251"))


@pytest.mark.parametrize(
    ("named", "encoding"),
    [
        ("windows-1252", "cp1252"), ("latin1", "latin1"), ("cp1250", "cp1250"), ("UTF-8", "utf-8"), ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"), ("utf-16-le", "utf-16-le"),
    ],
)  # fmt: skip
def test_an_encoding_that_is_named_is_read(path: Path, named: str, encoding: str) -> None:
    path.write_bytes(text_of(("Müller", "Köln")).encode(encoding))

    report = dry_run(path, path.read_bytes(), encoding=named)

    assert (report.orders, report.refused) == (2, 0)
    with opened(str(path), PURCHASES.columns, named) as content:
        assert "Müller" in content.open().read().decode(content.encoding)


@pytest.mark.parametrize("named", ["gb18030", "GBK", "gb2312"])
def test_rare_characters_are_read_when_the_encoding_is_named(path: Path, named: str) -> None:
    raw = text_of(("婷",)).encode("gb18030")
    with pytest.raises(Refused, match="--encoding gb18030"):
        orders(path, raw)

    report = dry_run(path, raw, encoding=named)

    assert (report.orders, report.refused, report.encoding) == (1, 0, "gb18030")


def test_the_report_names_the_encoding(path: Path) -> None:
    encodings = ["utf-8", "gb18030", "utf-16"]
    reports = [dry_run(path, text_of(("音乐",)).encode(encoding)) for encoding in encodings]
    assert [report.document()["encoding"] for report in reports] == ["utf-8", "gb18030", "utf-16-le"]


@pytest.mark.parametrize(
    "named",
    [
        "klingon",
        "base64",
        "rot13",
        "",
        "utf-8\0",
        "punycode",
        "idna",
        "utf-7",
        "unicode_escape",
        "charmap",
        "utf-32",
    ],
)
def test_what_is_no_encoding_is_refused_in_both_languages(path: Path, named: str) -> None:
    path.write_text(text_of(("x",)))
    for language, words in (
        ("en", "not an encoding that can be read.*windows-1252"),
        ("zh", "不是可读取的编码.*windows-1252"),
    ):
        choose(language)  # type: ignore[arg-type]  # the two languages
        try:
            with pytest.raises(Refused, match=words), opened(str(path), PURCHASES.columns, named):
                pass
        finally:
            choose(None)


def test_bytes_that_are_not_in_the_named_encoding_are_refused(path: Path) -> None:
    with pytest.raises(Refused, match="has bytes that are not cp1252"):
        dry_run(path, text_of(("x",)).encode() + b"\x81\x8d", encoding="cp1252")


def test_an_import_in_another_encoding_is_another_import(path: Path) -> None:
    path.write_text(text_of(("x",)))
    digests = []
    for named in (None, "utf-8", "cp1252", None):
        with opened(str(path), PURCHASES.columns, named) as content:
            digests.append(content.digest)
    assert digests[0] == digests[3]
    assert len(set(digests)) == 3
