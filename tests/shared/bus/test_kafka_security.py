"""Kafka with TLS and passwords, tried against a real broker: only the producing service can write to its topic."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError

from huitou import access
from huitou.settings import SERVICES
from shared.bus import BusUnavailable
from shared.bus.access import Access, UnusableAccess
from shared.bus.kafka.bus import KafkaBus
from shared.bus.protocol import Message, Record, TopicPartition
from shared.events import TOPICS
from shared.http.rights import RightsCheck
from tests.parts.kafka import ADMIN, ApacheKafka
from tests.parts.processes import PartMissing

MESSAGE = Message("key", (), b"value")


@pytest.fixture(scope="module")
def broker() -> Iterator[ApacheKafka]:
    """A Kafka on which every service has a user."""
    try:
        kafka = ApacheKafka(users=SERVICES)
    except PartMissing as error:
        pytest.skip(str(error))
    try:
        yield kafka.start()
    finally:
        kafka.close()


@pytest.fixture(scope="module")
async def granted(broker: ApacheKafka) -> ApacheKafka:
    """The same, with the topics and the rights of every service."""
    bus = _bus(broker, ADMIN)
    await bus.ensure_topics(dict.fromkeys(TOPICS, 1))
    await bus.grant(access.grants())
    await bus.grant(access.grants())
    await bus.close()
    return broker


def _bus(broker: ApacheKafka, user: str) -> KafkaBus:
    return KafkaBus([broker.servers], access=broker.access(user))


async def _send(bus: KafkaBus, topic: str) -> None:
    producer = await bus.producer()
    try:
        await producer.send(topic, 0, [MESSAGE])
    finally:
        await producer.abandon()


@pytest.mark.kafka
@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_writes_to_its_own_topics_and_to_no_others(
    granted: ApacheKafka, service: str
) -> None:
    bus = _bus(granted, service)
    own = {name for name, topic in TOPICS.items() if topic.producer == service}
    consumed = {
        grant.name for grant in access.grants() if grant.user == service and grant.resource == "topic"
    }

    await bus.check()
    await bus.ensure_topics(dict.fromkeys(consumed, 1))
    for topic in own:
        await _send(bus, topic)
    for topic in consumed - own:
        with pytest.raises(BusUnavailable, match="does not allow"):
            await _send(bus, topic)

    assert set(await bus.writable(sorted(TOPICS))) == own
    await bus.close()


@pytest.mark.kafka
@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_gets_at_nothing_but_its_topics_and_its_group(
    granted: ApacheKafka, service: str
) -> None:
    """It neither deletes nor changes a topic, not even its own, and sees nothing of topics and groups of others."""
    bus, admins = _bus(granted, service), _bus(granted, ADMIN)
    known = {grant.name for grant in access.grants() if grant.user == service and grant.resource == "topic"}
    others = sorted(set(TOPICS) - known)
    async with bus._admin() as admin:
        for topic in TOPICS:
            config = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": "1"})
            deleted = await admin.delete_topics([topic])
            assert [code for _, code in deleted.topic_error_codes] == [TopicAuthorizationFailedError.errno]
            with pytest.raises(TopicAuthorizationFailedError):
                await admin.create_partitions({topic: NewPartitions(9)})
            (altered,) = await admin.alter_configs([config])
            assert [code for code, *_ in altered.resources] == [TopicAuthorizationFailedError.errno]
        for topic in sorted(known):
            with pytest.raises(TopicAuthorizationFailedError):
                await admin.delete_records({KafkaPartition(topic, 0): RecordsToDelete(1)})
        for topic in others:
            (described,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
            assert [code for code, *_ in described.resources] == [TopicAuthorizationFailedError.errno]
        made = await admin.create_topics([NewTopic("huitou.other", 1, 1)])
        assert [code for _, code, *_ in made.topic_errors] == [TopicAuthorizationFailedError.errno]
        for group in set(SERVICES) - {service}:
            with pytest.raises(GroupAuthorizationFailedError):
                await admin.list_consumer_group_offsets(group)
    for topic in others:
        with pytest.raises(BusUnavailable, match="does not allow"):
            await bus.read(TopicPartition(topic, 0), 0, 1)
    producer = AIOKafkaProducer(
        bootstrap_servers=granted.servers, transactional_id=service, **granted.access(service).options()
    )
    with pytest.raises(KafkaError):
        await producer.start()
    await producer.stop()
    assert set(TOPICS) <= {place.topic for place in await admins.end_offsets(sorted(TOPICS))}
    await bus.close()
    await admins.close()


@pytest.mark.kafka
async def test_rights_that_are_too_wide_are_an_issue(granted: ApacheKafka) -> None:
    own, every = _bus(granted, "loyalty"), _bus(granted, ADMIN)

    assert await RightsCheck("loyalty", own)() == ()
    (issue,) = await RightsCheck("loyalty", every)()
    assert issue.code == "bus_rights_wide"
    assert "huitou.feedback" in issue.words("en")
    assert "huitou.feedback" in issue.words("zh")
    assert "huitou.points" not in issue.words("en"), "it is loyalty's own"
    await own.close()
    await every.close()


@pytest.mark.kafka
async def test_a_service_reads_what_it_consumes_as_a_member_of_its_own_group(granted: ApacheKafka) -> None:
    profile, loyalty = _bus(granted, "profile"), _bus(granted, "loyalty")
    await _send(profile, "huitou.purchases")

    async def assigned(partitions: object) -> dict[TopicPartition, int]:
        return {TopicPartition("huitou.purchases", 0): 0}

    async def revoked(partitions: object) -> None:
        return None

    member = await loyalty.subscribe(
        "loyalty", ["huitou.purchases"], member="loyalty-1", on_assigned=assigned, on_revoked=revoked
    )
    records = list[Record]()
    async with asyncio.timeout(30):
        while not records:
            batches = await member.fetch(records_max=10, timeout_seconds=1.0)
            records = [record for batch in batches.values() for record in batch]
    assert records[0].value == MESSAGE.value
    await loyalty.close()

    with pytest.raises(BusUnavailable, match="does not allow"):
        await _bus(granted, "loyalty").subscribe(
            "feedback", ["huitou.purchases"], member="loyalty-2", on_assigned=assigned, on_revoked=revoked
        )
    await profile.close()


@pytest.mark.kafka
@pytest.mark.parametrize("what", ["password", "plaintext", "authority", "unknown"])
async def test_nobody_gets_in_without_password_and_certificate(broker: ApacheKafka, what: str) -> None:
    right = broker.access("loyalty")
    wrong = {
        "password": Access("sasl_ssl", user="loyalty", password="wrong", authority=right.authority),
        "plaintext": Access(),
        "authority": Access("sasl_ssl", user="loyalty", password=right.password),
        "unknown": Access("sasl_ssl", user="nobody", password="wrong", authority=right.authority),
    }[what]
    bus = KafkaBus([broker.servers], access=wrong)

    with pytest.raises(BusUnavailable):
        await bus.check()


@pytest.mark.parametrize(
    ("access_to", "said"),
    [
        (Access("sasl_ssl", user="x"), "needs HUITOU_BUS_USER and HUITOU_BUS_PASSWORD"),
        (Access("plaintext", user="x", password="y"), "set it to sasl_ssl"),
        (Access("ssl", authority=Path("/nowhere")), "HUITOU_BUS_CA_FILE is /nowhere"),
        (Access("plaintext", authority=Path("/nowhere")), "HUITOU_BUS_CA_FILE is set"),
    ],
)
def test_settings_that_do_not_belong_together_are_a_sentence(access_to: Access, said: str) -> None:
    with pytest.raises(UnusableAccess) as refused:
        KafkaBus(["nowhere:1"], access=access_to)
    assert said in str(refused.value)


def test_a_password_is_not_shown() -> None:
    assert "s3cret" not in repr(Access("sasl_ssl", user="x", password="s3cret"))


def test_only_the_producer_of_a_topic_may_write_to_it() -> None:
    writers = {
        (grant.name, grant.user) for grant in access.grants() if grant.operation in ("Write", "Create")
    }
    assert writers == {
        (topic.name, topic.producer) for topic in TOPICS.values() if topic.producer in SERVICES
    }
