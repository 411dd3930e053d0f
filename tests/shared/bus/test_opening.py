"""The URL of the bus names servers, and nothing else."""

import pytest

from shared.bus.opening import servers_of


@pytest.mark.parametrize(
    ("url", "servers"),
    [
        ("embedded://", []),
        ("kafka://here", ["here"]),
        ("kafka://kafka_1:9092/", ["kafka_1:9092"]),
        ("kafka://a.example:9092, 10.0.0.1:9092", ["a.example:9092", "10.0.0.1:9092"]),
        ("kafka://[::1]:9092,[fe80::1%eth0]", ["[::1]:9092", "[fe80::1%eth0]"]),
    ],
)
def test_the_servers_of_a_url(url: str, servers: list[str]) -> None:
    assert servers_of(url) == servers


@pytest.mark.parametrize(
    "url",
    [
        "kafka://s3cret@h",
        "kafka://u:s3cret@h:1",
        "kafka://h:s3cret",
        "kafka://h/s3cret",
        "kafka://h?p=s3cret",
    ],
)
def test_a_url_with_anything_else_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="kafka://host:port") as refused:
        servers_of(url)

    assert "s3cret" not in str(refused.value)
