"""How long the shards of a killed worker stand still: the classic protocol is ours to set, the new one the broker's."""

from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, ConfigResource

from stream.kafka.group_protocol import GroupProtocol

CLASSIC_SECONDS: Final = 6.0
ASK_SECONDS: Final = 10.0
SESSION: Final = "group.consumer.session.timeout.ms"
FLOOR: Final = "group.consumer.min.session.timeout.ms"
PROTOCOLS: Final = "group.coordinator.rebalance.protocols"


@dataclass(frozen=True)
class Takeover:
    """`fine` is False when profilers cannot join at all; `advice` is empty when there is nothing to do."""

    fine: bool
    what: str
    advice: str = ""


def judge_takeover(protocol: GroupProtocol, broker: dict[str, str] | None) -> Takeover:
    """Judge by the broker's settings; None: it does not show them."""
    if protocol == "classic":
        return Takeover(True, f"a killed worker is missed after {CLASSIC_SECONDS:g} s (classic group protocol)")
    if broker is None:
        advice = f"make sure that {SESSION} is short: 45 s by default"
        return Takeover(True, "Kafka does not show after how long a killed worker is missed", advice)
    if SESSION not in broker or "consumer" not in broker.get(PROTOCOLS, "consumer"):
        return Takeover(False, "group.protocol consumer", "this broker does not offer it: needs Kafka 4; use classic")
    seconds, floor = int(broker[SESSION]) / 1000, int(broker.get(FLOOR, 0)) / 1000
    what = f"a killed worker is missed after {seconds:g} s ({SESSION} of the broker)"
    advice = f"lower it there, and its floor {FLOOR} (now {floor:g} s), or use classic: 6 s"
    return Takeover(True, what, advice if seconds > 2 * CLASSIC_SECONDS else "")


def find_takeover(admin: AdminClient, protocol: GroupProtocol) -> Takeover:
    """Ask the broker for its settings, where they matter, and judge."""
    return judge_takeover(protocol, None if protocol == "classic" else _broker_settings(admin))


def _broker_settings(admin: AdminClient) -> dict[str, str] | None:
    try:
        brokers = admin.list_topics(timeout=ASK_SECONDS).brokers
        resource = ConfigResource(ConfigResource.Type.BROKER, str(min(brokers)))
        [future] = admin.describe_configs([resource], request_timeout=ASK_SECONDS).values()
        return {name: str(entry.value) for name, entry in future.result().items()}
    except KafkaException:  # not allowed to look
        return None
