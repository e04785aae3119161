"""Every error this package raises on purpose.

    TidegaugeError
    ├── EventError (ValueError)     an event cannot be published as it is: fix the caller; `field` names what is wrong
    ├── DecodeError (ValueError)    bytes are no message of the expected type: skip or dead-letter them
    ├── SettingsError (ValueError)  Kafka settings are refused: fix the configuration; nothing was started
    └── AlertStreamError            Kafka refuses the subscription for good (authorisation, fatal): fix, start again

A Kafka that is away is no error here: the Recorder counts what it drops, the AlertStream waits.
"""


class TidegaugeError(Exception):
    """Root of the tree."""


class EventError(TidegaugeError, ValueError):
    """An event is not valid.

    Attributes
    ----------
    field : str
        Path of the offending field, `features.temp` or `labels` for example.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


class DecodeError(TidegaugeError, ValueError):
    """Bytes do not hold a message of the expected type; the text names the path within the message."""


class SettingsError(TidegaugeError, ValueError):
    """A Kafka setting is missing, unknown or contradicts what Tidegauge needs."""


class AlertStreamError(TidegaugeError):
    """Kafka refuses the alerts subscription, and waiting would not help."""
