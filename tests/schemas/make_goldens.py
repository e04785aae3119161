"""Write the golden files: `python -m tests.schemas.make_goldens`.

Schemas are rewritten, so that a change shows in review. Bytes of a released version are written once and never again:
a message that no longer matches them is a new version, and the old bytes must stay readable.
"""

import json
from pathlib import Path
from typing import Any

from tests.schemas.samples import MESSAGES, PACKED, PROFILES
from tidegauge import schema
from tidegauge.codec import encode, encode_profiles

GOLDEN = Path(__file__).parent / "golden"


def schema_text(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def generated() -> dict[str, str]:
    """Text of every generated document, by file name."""
    documents = {f"{name}.json": schema_text(schema.json_schema(name)) for name in schema.MESSAGES}
    return {**documents, "asyncapi.json": schema_text(schema.asyncapi())}


def samples_encoded() -> dict[str, bytes]:
    """Bytes of every sample, by file name."""
    return {
        **{f"{name}.json": encode(message) for name, message in MESSAGES.items()},
        "prediction_batch_packed.json": encode(PACKED),
        **{f"{name}.msgpack": encode_profiles(message) for name, message in PROFILES.items()},
    }


if __name__ == "__main__":
    (GOLDEN / "v1").mkdir(parents=True, exist_ok=True)
    for name, text in generated().items():
        (GOLDEN / name).write_text(text, encoding="utf-8")
    for name, value in samples_encoded().items():
        if not (GOLDEN / "v1" / name).exists():
            (GOLDEN / "v1" / name).write_bytes(value)
