"""One set of Kafka settings for two clients.

The configuration takes librdkafka's own property names. The monitor's client (aiokafka under Faust) has others, so the
security settings are translated here; one that it cannot honour is an error, never ignored.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from faust.auth import Credentials, SASLCredentials, SSLCredentials

from stream.errors import ConfigurationError

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
SASL_KEYS = {"sasl.mechanism", "sasl.mechanisms", "sasl.username", "sasl.password"}
SSL_KEYS = {
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.endpoint.identification.algorithm",
}


@dataclass(frozen=True)
class MonitorClient:
    """What Faust needs to reach the same broker: its URL and, where security is on, credentials."""

    url: str
    credentials: Credentials | None


def monitor_client(settings: Mapping[str, str]) -> MonitorClient:
    """Translate librdkafka settings for Faust; ConfigurationError names what cannot be honoured."""
    protocol = settings.get("security.protocol", "PLAINTEXT").upper()
    if protocol not in PROTOCOLS:
        raise ConfigurationError(f"kafka.security.protocol is {protocol!r}; it must be one of {', '.join(PROTOCOLS)}")
    _refuse_unknown(settings)
    servers = settings["bootstrap.servers"].split(",")
    url = ";".join(f"kafka://{server.strip()}" for server in servers)
    context = _context(settings) if protocol.endswith("SSL") else None
    if protocol.startswith("SASL"):
        return MonitorClient(url, _sasl(settings, context))
    return MonitorClient(url, SSLCredentials(context=context) if context else None)


def _refuse_unknown(settings: Mapping[str, str]) -> None:
    for key in settings:
        secured = key.startswith(("sasl.", "ssl.", "enable.ssl", "enable.sasl", "https."))
        if secured and key not in SASL_KEYS | SSL_KEYS:
            raise ConfigurationError(
                f"kafka.{key} is set, but the monitor's client cannot honour it; "
                f"supported: {', '.join(sorted(SASL_KEYS | SSL_KEYS))}"
            )


def _sasl(settings: Mapping[str, str], context: ssl.SSLContext | None) -> SASLCredentials:
    mechanism = settings.get("sasl.mechanism") or settings.get("sasl.mechanisms") or ""
    if mechanism not in MECHANISMS:
        raise ConfigurationError(f"kafka.sasl.mechanism is {mechanism!r}; it must be one of {', '.join(MECHANISMS)}")
    for key in ("sasl.username", "sasl.password"):
        if key not in settings:
            raise ConfigurationError(f"kafka.{key} is missing: kafka.security.protocol asks for SASL")
    return SASLCredentials(
        username=settings["sasl.username"],
        password=settings["sasl.password"],
        ssl_context=context,
        mechanism=mechanism,
    )


def _context(settings: Mapping[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.get("ssl.ca.location"))
        if certificate := settings.get("ssl.certificate.location"):
            context.load_cert_chain(certificate, settings.get("ssl.key.location"), settings.get("ssl.key.password"))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"kafka.ssl.*: a certificate or key could not be read: {error}") from error
    # librdkafka's name for "do not compare the host name with the certificate".
    if settings.get("ssl.endpoint.identification.algorithm", "https").lower() == "none":
        context.check_hostname = False
    return context
