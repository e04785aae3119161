"""JSON Schema of every public message, and the AsyncAPI document that says on which topic each travels.

Both are generated from the structs, so there is one definition. Schemas are JSON Schema 2020-12.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from tidegauge.alerts import Alert
from tidegauge.definition import Definition
from tidegauge.events import Feedback, Label, Prediction, PredictionBatch, Watermark
from tidegauge.reports import Report
from tidegauge.retraining import RetrainingRequest

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
MESSAGES: Final[Mapping[str, type[msgspec.Struct]]] = MappingProxyType({
    "prediction": Prediction,
    "prediction_batch": PredictionBatch,
    "label": Label,
    "feedback": Feedback,
    "watermark": Watermark,
    "alert": Alert,
    "report": Report,
    "retraining_request": RetrainingRequest,
    "definition": Definition,
})  # fmt: skip
CHANNELS: Final[Mapping[str, tuple[str, str, tuple[str, ...]]]] = MappingProxyType({
    "predictions": ("receive", "Key: prediction id.", ("prediction", "prediction_batch", "watermark")),
    "labels": ("receive", "Key: prediction id.", ("label", "feedback", "watermark")),
    "alerts": ("send", "Key: alert id. Deduplicate on (alert_id, seq), ignore a lower seq.", ("alert",)),
    "reports": ("send", "Every evaluation, whether or not anything is wrong.", ("report",)),
    "retraining": ("send", "Requests to train a model again.", ("retraining_request",)),
})  # fmt: skip


def json_schema(name: str) -> dict[str, Any]:
    """JSON Schema of one message.

    Parameters
    ----------
    name : str
        "prediction", "prediction_batch", "label", "feedback", "watermark", "alert", "report", "retraining_request" or
        "definition".

    Raises
    ------
    KeyError
        When there is no such message.
    """
    (root,), definitions = msgspec.json.schema_components([MESSAGES[name]])
    title = MESSAGES[name].__name__
    return {"$schema": DIALECT, "title": title, "$ref": root["$ref"], "$defs": definitions}


def asyncapi(prefix: str = "", version: str = "1") -> dict[str, Any]:
    """AsyncAPI 3.0 document of the public topics, as the processor sees them: it receives events and sends alerts.

    Parameters
    ----------
    prefix : str
        What the topic names begin with.
    version : str
        Version of the contract.
    """
    roots, schemas = msgspec.json.schema_components(MESSAGES.values(), ref_template="#/components/schemas/{name}")
    messages = {
        name: {"name": name, "contentType": "application/json", "payload": root}
        for name, root in zip(MESSAGES, roots, strict=True)
        if any(name in channel[2] for channel in CHANNELS.values())
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Tidegauge", "version": version, "license": {"name": "Apache-2.0"}},
        "channels": {
            topic: {
                "address": f"{prefix}{topic}",
                "description": description,
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
            }
            for topic, (_, description, names) in CHANNELS.items()
        },
        "operations": {
            f"{action}_{topic}": {"action": action, "channel": {"$ref": f"#/channels/{topic}"}}
            for topic, (action, _, _) in CHANNELS.items()
        },
        "components": {"messages": messages, "schemas": schemas},
    }
