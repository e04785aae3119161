from pathlib import Path

import pytest

from stream.app.assemble import profiler_config
from stream.config import load_settings
from stream.errors import ConfigurationError


def test_defaults_need_no_file() -> None:
    settings = load_settings(environment={})
    assert settings.kafka_settings == {"bootstrap.servers": "localhost:9092"}
    assert settings.redis.url.get_secret_value() == "redis://localhost:6379/0"
    assert (settings.lateness, settings.idle, settings.retention) == ("10s", "30s", "1h")


def test_environment_over_file_over_default(tmp_path: Path) -> None:
    path = tmp_path / "tidegauge.yaml"
    path.write_text("prefix: a.\nlateness: 1m\nkafka: {bootstrap.servers: 'one:9092', enable.ssl.x: true}\n")
    environment = {
        "TIDEGAUGE_PREFIX": "b.",
        "TIDEGAUGE_KAFKA__BOOTSTRAP_SERVERS": "two:9092",
        "TIDEGAUGE_REDIS__URL": "rediss://three:6379",
        "TIDEGAUGE_TEST_KAFKA": "not a setting",
        "PATH": "neither",
    }
    settings = load_settings(path, environment)
    assert settings.prefix == "b."
    assert settings.lateness == "1m"
    assert settings.kafka_settings == {"bootstrap.servers": "two:9092", "enable.ssl.x": "true"}
    assert settings.redis.url.get_secret_value() == "rediss://three:6379"


@pytest.mark.parametrize("text", ["03610458.", "0123456", "1e5", "2024.10", "2024-01-01", "0x10", "1_000"])
def test_text_that_looks_like_a_number_stays_as_it_was_written(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tidegauge.yaml"
    path.write_text(f"prefix: {text}\nkafka: {{sasl.password: {text}}}\nweb: {{port: 80}}\n")
    settings = load_settings(path, {})
    assert (settings.prefix, settings.kafka["sasl.password"], settings.web.port) == (text, text, 80)


def test_a_secret_from_a_file_is_never_printed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("redis://:hunter2@host\n")
    path = tmp_path / "tidegauge.yaml"
    path.write_text(f"redis: {{url: {{file: {secret}}}}}\nkafka: {{sasl.password: {{file: {secret}}}}}\n")
    settings = load_settings(path, {})
    assert settings.redis.url.get_secret_value() == "redis://:hunter2@host"
    assert settings.kafka["sasl.password"] == "redis://:hunter2@host"
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prefx: a", "prefx: unknown setting; did you mean `prefix`?"),
        ("lateness: soon", "lateness: "),
        ("web: {port: 99999}", "web.port: "),
        ("kafka: {sasl.password: {file: /nowhere/at/all}}", "the secret's file cannot be read"),
        ("- a list", "expected settings as `key: value`, found list"),
        ("a: [", "not valid YAML"),
        ("group: a\nlateness: 1m\ngroup: b", "tidegauge.yaml:1: group: given again on line 3"),
        ("kafka: {sasl.password: }", "kafka.sasl.password: no value"),
        ("kafka: {sasl: {password: p}}", "kafka.sasl: expected text, found dict"),
    ],
)
def test_a_wrong_setting_names_file_key_and_next_step(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "tidegauge.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        load_settings(path, {})
    assert str(path) in str(error.value)
    assert expected in str(error.value)
    assert error.value.exit_code == 2


def test_a_missing_file_says_so() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml: cannot be read"):
        load_settings(Path("nowhere.yaml"), {})


def test_the_profilers_protocol_can_be_chosen_and_goes_to_no_other_client(tmp_path: Path) -> None:
    path = tmp_path / "tidegauge.yaml"
    path.write_text("kafka: {bootstrap.servers: 'one:9092', group.remote.assignor: range}\n")
    assert load_settings(path, {}).group_protocol == "classic"
    settings = load_settings(path, {"TIDEGAUGE_KAFKA__GROUP_PROTOCOL": "consumer"})
    assert settings.group_protocol == "consumer"
    assert settings.kafka_settings == {"bootstrap.servers": "one:9092"}
    assert profiler_config(settings, "w").group_protocol == "consumer"


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("group.protocol: eager", "kafka: group.protocol is 'eager'; it must be classic or consumer"),
        ("group.remote.assignor: uniform", "only range keeps a prediction and its label with one worker"),
        ("partition.assignment.strategy: cooperative-sticky", "only range keeps"),
    ],
)
def test_a_protocol_that_would_tear_shards_apart_is_refused(tmp_path: Path, setting: str, complaint: str) -> None:
    path = tmp_path / "tidegauge.yaml"
    path.write_text(f"kafka: {{{setting}}}\n")
    with pytest.raises(ConfigurationError, match=complaint):
        load_settings(path, {})
