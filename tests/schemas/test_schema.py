import json

import jsonschema
import orjson
import pytest

from tests.schemas.samples import MESSAGES, PACKED
from tidegauge import schema
from tidegauge.codec import encode

BATCH = {"type": "batch", "prediction_ids": [], "model": "m", "timestamps_ms": []}


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_messages_conform_to_their_schema(name: str) -> None:
    document = schema.json_schema(name)
    jsonschema.Draft202012Validator.check_schema(document)
    jsonschema.validate(orjson.loads(encode(MESSAGES[name])), document)


def test_packed_columns_conform_too() -> None:
    jsonschema.validate(orjson.loads(encode(PACKED)), schema.json_schema("prediction_batch"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("prediction", {"model": "m", "timestamp_ms": 1}),
        ("prediction", {"prediction_id": "", "model": "m", "timestamp_ms": 1}),
        ("prediction", {"prediction_id": "a", "model": "m", "timestamp_ms": 1, "features": {"x": {}}}),
        ("prediction_batch", {"type": "bunch", "prediction_ids": [], "model": "m", "timestamps_ms": []}),
        ("prediction_batch", {**BATCH, "features": {"x": {"dtype": "f2", "bdata": ""}}}),
        ("prediction_batch", {**BATCH, "timestamps_ms": {"dtype": "f8", "bdata": ""}}),
        ("label", {"prediction_id": "a", "label": None, "timestamp_ms": 1}),
        ("alert", {**orjson.loads(encode(MESSAGES["alert"])), "severity": "meh"}),
        ("definition", {"model": "m", "monitorz": []}),
    ],
)
def test_schemas_refuse_what_is_wrong(name: str, message: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(message, schema.json_schema(name))


def test_unknown_fields_conform() -> None:
    jsonschema.validate({"type": "watermark", "timestamp_ms": 1, "future": 2}, schema.json_schema("watermark"))


def test_unknown_names_raise() -> None:
    with pytest.raises(KeyError):
        schema.json_schema("surprise")


def test_asyncapi_refers_only_to_what_it_holds() -> None:
    document = schema.asyncapi(prefix="tidegauge.")
    text = json.dumps(document)
    references = {part.split('"')[0] for part in text.split('"$ref": "')[1:]}
    assert len(references) > 10
    for reference in references:
        node = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]
        assert node
    assert document["channels"]["predictions"]["address"] == "tidegauge.predictions"
