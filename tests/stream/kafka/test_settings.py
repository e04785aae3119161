import ssl

import pytest
from faust.auth import SASLCredentials, SSLCredentials

from stream.errors import ConfigurationError
from stream.kafka.settings import monitor_client

SASL = {"sasl.mechanism": "SCRAM-SHA-256", "sasl.username": "u", "sasl.password": "p"}


def test_plain() -> None:
    client = monitor_client({"bootstrap.servers": "a:1, b:2", "fetch.queue.backoff.ms": "10"})
    assert client.url == "kafka://a:1;kafka://b:2"
    assert client.credentials is None


def test_tls() -> None:
    client = monitor_client({"bootstrap.servers": "a:1", "security.protocol": "SSL"})
    assert isinstance(client.credentials, SSLCredentials)
    assert client.credentials.context.check_hostname
    assert client.credentials.context.verify_mode == ssl.CERT_REQUIRED


def test_sasl_over_tls_without_host_names() -> None:
    settings = {"bootstrap.servers": "a:1", "security.protocol": "sasl_ssl", **SASL}
    client = monitor_client({**settings, "ssl.endpoint.identification.algorithm": "none"})
    assert isinstance(client.credentials, SASLCredentials)
    assert client.credentials.username == "u"
    assert client.credentials.ssl_context is not None
    assert not client.credentials.ssl_context.check_hostname
    assert client.credentials.ssl_context.verify_mode == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"security.protocol": "TLS"}, "kafka.security.protocol"),
        ({"security.protocol": "SASL_PLAINTEXT", **SASL, "sasl.mechanism": "GSSAPI"}, "kafka.sasl.mechanism"),
        ({"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN"}, "kafka.sasl.username is missing"),
        ({"security.protocol": "SSL", "ssl.ca.location": "/nowhere"}, "could not be read"),
        ({"security.protocol": "SSL", "ssl.keystore.location": "x"}, "cannot honour"),
        ({"enable.ssl.certificate.verification": "false"}, "cannot honour"),
    ],
)
def test_what_cannot_be_honoured_is_an_error(settings: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        monitor_client({"bootstrap.servers": "a:1", **settings})
