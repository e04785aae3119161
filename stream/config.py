"""`tidegauge.yaml` and its environment variables: every setting, its default and its unit, in one place.

Order of precedence: environment (`TIDEGAUGE_PREFIX`, `TIDEGAUGE_KAFKA__BOOTSTRAP_SERVERS`), file, default. A secret may
be read from a file: `sasl.password: {file: /run/secrets/kafka}`.
"""

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from stream.checkpoint.address import parse_address
from stream.definitions.yaml_source import Plain, parse_yaml
from stream.errors import ConfigurationError
from stream.kafka.group_protocol import GroupProtocol, group_protocol, without_group
from stream.timeline.durations import parse_duration

PREFIX = "TIDEGAUGE_"

# What Kubernetes puts into every container of a namespace with a service called tidegauge or tidegauge-something.
_SERVICE_LINK = re.compile(r"(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_\w+)?)")


def _duration(text: str) -> str:
    parse_duration(text)
    return text


def _idle(text: str) -> str:
    return text if text == "never" else _duration(text)


def _read_secret(value: Any) -> Any:
    """Take `{file: path}` for the file's content."""
    if isinstance(value, Mapping) and set(value) == {"file"}:
        try:
            return Path(str(value["file"])).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ValueError(f"the secret's file cannot be read: {error}") from error
    return value


def _redis_url(url: SecretStr) -> SecretStr:
    """Check as much of the address as can be checked without a server; it may hold a password, so it is not quoted."""
    parse_address(url.get_secret_value())
    return url


def _kafka(settings: dict[str, str]) -> dict[str, str]:
    group_protocol(settings)
    return settings


Duration = Annotated[str, AfterValidator(_duration)]


class RedisSettings(BaseModel):
    """Where state lives: one server, a cluster or a master behind Sentinels; see `stream.checkpoint.address`."""

    model_config = ConfigDict(extra="forbid")
    url: Annotated[SecretStr, BeforeValidator(_read_secret), AfterValidator(_redis_url)] = SecretStr(
        "redis://localhost:6379/0"
    )


class WebSettings(BaseModel):
    """The worker's web server: /healthz and /metrics."""

    model_config = ConfigDict(extra="forbid")
    host: str = "127.0.0.1"
    port: int = Field(default=6066, ge=0, le=65535)


class TopicSettings(BaseModel):
    """Partition counts that `tidegauge topics create` uses; they cannot grow without moving keys."""

    model_config = ConfigDict(extra="forbid")
    partitions: int = Field(default=8, ge=1)
    profile_partitions: int = Field(default=8, ge=1)
    replication: int = -1


class Settings(BaseSettings):
    """All settings of a worker and of the commands."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid")

    prefix: str = ""
    group: str = "tidegauge"
    lateness: Duration = "10s"
    idle: Annotated[str, AfterValidator(_idle)] = "30s"
    retention: Duration = "1h"
    unowned: Duration = "5m"
    kafka: Annotated[dict[str, str], Field(repr=False), AfterValidator(_kafka)] = {}
    redis: RedisSettings = RedisSettings()
    web: WebSettings = WebSettings()
    topics: TopicSettings = TopicSettings()
    log: Literal["text", "json"] = "text"
    max_unread_bytes: int | None = None

    @property
    def kafka_settings(self) -> dict[str, str]:
        """Librdkafka's settings for any client, with the default address."""
        return {"bootstrap.servers": "localhost:9092", **without_group(self.kafka)}

    @property
    def group_protocol(self) -> GroupProtocol:
        """How profilers join their group: `kafka: {group.protocol: consumer}` for the one of Kafka 4."""
        return group_protocol(self.kafka)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic passes all by keyword
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what `load_settings` merged: it reads the environment itself, because Kafka's names have dots."""
        return (init_settings,)


def load_settings(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the file (if given) and the environment over it; ConfigurationError names file, key and nearest name."""
    environment = os.environ if environment is None else environment
    data = _read_file(path) if path else {}
    sources: dict[tuple[str, ...], str] = {}
    for name, value in sorted(environment.items()):
        if _is_setting(name):
            keys = _keys(name)
            _set(data, keys, value, name)
            sources[keys] = name
    kafka = data.get("kafka")
    where = str(path) if path else "the environment"
    try:
        if isinstance(kafka, dict):
            data["kafka"] = {str(k): _read_secret(v) for k, v in kafka.items()}
        return Settings(**data)
    except ValidationError as error:
        raise ConfigurationError(_explain(where, sources, error)) from error
    except ValueError as error:
        raise ConfigurationError(f"{where}: kafka: {error}") from error


def _is_setting(name: str) -> bool:
    """Whether a variable is meant for us: not the tests' own, and not a link that Kubernetes makes to a service."""
    own = name.removeprefix(PREFIX)
    if own == name or own.startswith("TEST_"):
        return False
    return "__" in own or _SERVICE_LINK.fullmatch(own) is None


def _keys(name: str) -> tuple[str, ...]:
    """Path of the setting that a variable gives; Kafka's own names have dots where a variable has underscores."""
    first, *rest = name.removeprefix(PREFIX).lower().split("__")
    if first == "kafka" and rest:
        return (first, "_".join(rest).replace("_", "."))
    return (first, *rest)


def _set(data: dict[str, Any], keys: tuple[str, ...], value: str, name: str) -> None:
    for key in keys[:-1]:
        data = data.setdefault(key, {})
        if not isinstance(data, dict):
            raise ConfigurationError(f"{name}: `{key}` is given as one value elsewhere; it takes `key: value` settings")
    data[keys[-1]] = value


def _read_file(path: Path) -> dict[str, Any]:
    try:
        source = parse_yaml(path.read_text(encoding="utf-8-sig"), str(path))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}; name another with -c") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8 text (byte {error.start})") from error
    if source.problems:
        raise ConfigurationError("\n".join(map(source.located, source.problems)))
    data = {} if source.value is None else _as_written(source.value)
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: expected settings as `key: value`, found {type(data).__name__}")
    return data


def _as_written(value: Any) -> Any:
    """Numbers and dates as the text they stand as, as a variable gives them: a password of 0123 is not octal."""
    if isinstance(value, dict):
        return {key: _as_written(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_as_written(inner) for inner in value]
    if isinstance(value, Plain):
        return str(value.value).lower() if isinstance(value.value, bool) else str(value)
    return value


def _explain(where: str, sources: Mapping[tuple[str, ...], str], error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        keys = tuple(str(part) for part in problem["loc"])
        text = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(keys[-1], _names(keys[:-1]), 1)
            text = "unknown setting" + (f"; did you mean `{near[0]}`?" if near else "")
        elif problem["type"] in {"model_type", "dict_type"}:
            text = f"expected `key: value` settings, found {type(problem['input']).__name__}"
        elif problem["type"] == "string_type":
            found = type(problem["input"]).__name__
            text = "no value" if problem["input"] is None else f"expected text, found {found}"
        lines.append(f"{sources.get(keys, where)}: {'.'.join(keys)}: {text}")
    return "\n".join(lines)


def _names(keys: tuple[str, ...]) -> list[str]:
    """Names of the settings at a path."""
    model: Any = Settings
    for key in keys:
        model = model.model_fields[key].annotation
    return list(model.model_fields)
