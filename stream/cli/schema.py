"""`tidegauge schema`: the messages, for services in any language."""

import json
import sys
from typing import Annotated

import typer

from stream.errors import ConfigurationError
from stream.model.problems import nearest
from tidegauge.schema import MESSAGES, asyncapi, json_schema

ASYNCAPI = "asyncapi"


def schema(
    message: Annotated[str, typer.Argument(help=f"One of {', '.join(MESSAGES)}, or {ASYNCAPI} for all topics.")],
    prefix: Annotated[str, typer.Option(help="Prefix of the topics, for asyncapi.")] = "",
) -> None:
    """Print the JSON Schema of a message."""
    name = message.replace("-", "_")
    if name == ASYNCAPI:
        document = asyncapi(prefix)
    elif name in MESSAGES:
        document = json_schema(name)
    else:
        hint = nearest(name, (*MESSAGES, ASYNCAPI))
        names = ", ".join((*MESSAGES, ASYNCAPI))
        raise ConfigurationError(f"no message is called {message!r}{hint}; expected one of {names}")
    json.dump(document, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
