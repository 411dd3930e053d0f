"""The bus on a Kafka cluster, with aiokafka."""

from shared.bus.kafka.bus import KafkaBus

__all__ = ["KafkaBus"]
