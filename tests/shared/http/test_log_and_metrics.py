import io
import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from shared import logs
from shared.metrics import HTTP_REQUESTS_IN_FLIGHT, Measure, Metrics

PLANTED = {
    "name": "张伟",
    "phone": "13800138000",
    "id_number": "110101199003074477",
    "email": "a@example.org",
}


@pytest.fixture
def written() -> Any:
    stream = io.StringIO()
    logs.configure("till", stream=stream)
    yield stream
    logs.configure("till")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_value_under_a_key_that_is_not_declared_is_not_written(written: io.StringIO) -> None:
    logs.named("x", keys=("consumer", "records")).info(
        "batch applied", consumer="loyalty", records=500, **PLANTED, body={"phone": "13800138000"}
    )

    (line,) = lines(written)
    assert (line["consumer"], line["records"], line["source"]) == ("loyalty", 500, "x")
    assert [line[key] for key in (*PLANTED, "body")] == [logs.REDACTED] * 5
    assert not [value for value in PLANTED.values() if value in written.getvalue()]


def test_a_key_that_another_module_declares_is_not_written(written: io.StringIO) -> None:
    logs.named("x", keys=("consumer",)).info("batch applied", consumer="loyalty")
    logs.named("y").info("batch applied", consumer="loyalty")

    assert [line["consumer"] for line in lines(written)] == ["loyalty", logs.REDACTED]


@pytest.mark.parametrize(
    "key",
    [*sorted(PLANTED.keys() - {"id_number"}), "customer_name", "reason", "Offset", "body", "_keys", "a b"],
)
def test_a_key_that_promises_personal_data_or_free_text_cannot_be_declared(key: str) -> None:
    with pytest.raises(ValueError, match="must not log"):
        logs.named("x", keys=("offset", key))


def test_a_quiet_log_writes_no_key_that_its_module_has_not_declared(written: io.StringIO) -> None:
    quiet = logs.QuietLog(logs.named("x", keys=("attempt",)))
    quiet.warning("the broker is away", attempt=1, **PLANTED)

    (line,) = lines(written)
    assert line["attempt"] == 1
    assert [line[key] for key in PLANTED] == [logs.REDACTED] * 4


def test_an_exception_is_written_without_its_message_and_with_its_causes(written: io.StringIO) -> None:
    try:
        try:
            raise ValueError(PLANTED["phone"])
        except ValueError as error:
            raise RuntimeError(PLANTED["name"]) from error
    except RuntimeError:
        logs.named("x").exception("it broke")

    (line,) = lines(written)
    assert line["exception"] == "RuntimeError < ValueError"
    assert line["where"]
    assert not [value for value in PLANTED.values() if value in written.getvalue()]


def test_other_libraries_lines_are_written_as_their_template(written: io.StringIO) -> None:
    logging.getLogger("sqlalchemy").warning(
        "could not insert %s\nDETAIL: %s", PLANTED["phone"], PLANTED["email"]
    )

    (line,) = lines(written)
    assert (line["event"], line["source"], line["level"]) == ("could not insert %s", "sqlalchemy", "warning")


def test_our_own_lines_are_written_whole(written: io.StringIO) -> None:
    logging.getLogger("shared.bus.kafka").info("topic %s has %d partitions", "huitou.points", 12)
    logging.getLogger("aiokafka").info("chatter")

    assert [line["event"] for line in lines(written)] == ["topic huitou.points has 12 partitions"]


def test_what_is_below_the_level_is_not_written(written: io.StringIO) -> None:
    logs.configure("till", level="warning", stream=written)
    logs.named("x").info("small")
    logs.named("x").warning("large")

    assert [line["event"] for line in lines(written)] == ["large"]


def test_a_line_that_repeats_itself_is_written_once_and_then_seldom(written: io.StringIO) -> None:
    quiet = logs.QuietLog(logs.named("x", keys=("attempt",)))
    for _ in range(1000):
        quiet.warning("the broker is away", attempt=1)
    quiet.over("the broker is back")
    quiet.over("the broker is back")
    quiet.warning("the broker is away", attempt=1)

    events = [line["event"] for line in lines(written)]
    assert events == ["the broker is away", "the broker is back", "the broker is away"]


def test_a_line_that_goes_on_is_written_again_every_30_seconds_with_how_often_it_was_left_out(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet = logs.QuietLog(logs.named("x"))
    for second in range(100):
        monkeypatch.setattr("shared.logs.time.monotonic", lambda now=float(second): now)
        quiet.warning("the broker is away")

    assert [line.get("suppressed") for line in lines(written)] == [None, 29, 29, 29]


async def test_each_service_measures_for_itself() -> None:
    first, second = Metrics("one"), Metrics("two")
    first.answered("get_x", 200, 0.01)
    purchases = Measure("purchases_total", "Purchases taken in.", ("channel",), kind="counter")
    second.counted.append(lambda: [purchases.of(12_345_678, "web")])

    one, two = (await first.render(None)).decode(), (await second.render(None)).decode()
    assert 'operation="get_x"' in one
    assert "purchases" not in one
    assert "get_x" not in two
    assert 'huitou_purchases_total{channel="web",service="two"} 1.2345678e+07\n' in two


LAG = Measure("lag", "How far it is behind.", ("topic",))


async def test_a_figure_stands_under_its_sentence() -> None:
    metrics = Metrics("one")
    metrics.counted.append(lambda: [LAG.of(3, "x"), HTTP_REQUESTS_IN_FLIGHT.of(1), LAG.of(0.25, "y")])

    assert (await metrics.render(None)).decode().split("# HELP huitou_lag ")[1] == (
        "How far it is behind.\n# TYPE huitou_lag gauge\n"
        'huitou_lag{service="one",topic="x"} 3.0\nhuitou_lag{service="one",topic="y"} 0.25\n'
    )


@pytest.mark.parametrize("labels", [(), ("x", "y")])
def test_a_figure_with_other_labels_than_were_declared_is_a_bug(labels: Sequence[str]) -> None:
    with pytest.raises(AssertionError):
        LAG.of(1, *labels)


@pytest.mark.parametrize("name", ["13800138000", 'lag{topic="x"}', "lag_total"])
def test_a_measure_whose_name_is_none_is_a_bug(name: str) -> None:
    with pytest.raises(AssertionError):
        Measure(name, "How far it is behind.")


async def test_a_label_cannot_break_out_of_its_quotes() -> None:
    metrics = Metrics("one")
    metrics.counted.append(lambda: [LAG.of(1, 'a"} 5\nb')])

    assert 'topic="a\\"} 5\\nb"} 1.0\n' in (await metrics.render(None)).decode()
