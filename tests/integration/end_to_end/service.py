"""The service: a process that plays steps with the Recorder, and a client that writes rubbish beside it.

Run as `python service.py BOOTSTRAP PREFIX STEPS WATERMARK_MS SECONDS`: it says `half` when half of the steps are out,
ends with a watermark on every partition, and says `done` with its counters.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from tidegauge import Recorder

MODEL, VERSION = "lender", "2024.3"
_SLICES = 100


def main(bootstrap: str, prefix: str, steps: Path, watermark_ms: int, seconds: float) -> None:
    """Play the steps in about so many seconds."""
    lines = [json.loads(line) for line in steps.read_text().splitlines()]
    rubbish = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2"})
    with Recorder(bootstrap, model=MODEL, version=VERSION, prefix=prefix) as recorder:
        for number in range(_SLICES):
            for line in lines[number * len(lines) // _SLICES : (number + 1) * len(lines) // _SLICES]:
                play(recorder, rubbish, prefix, line)
            if number == _SLICES // 2:
                recorder.flush()
                say("half")
            time.sleep(seconds / _SLICES)
        rubbish.flush()
        recorder.flush()
        recorder.watermark(watermark_ms)
        recorder.flush()
        stats = recorder.stats
    say(f"done {stats.delivered} {stats.dropped}")


def play(recorder: Recorder, rubbish: Producer, prefix: str, line: dict[str, Any]) -> None:
    """Do one step."""
    do = line.pop("do")
    if do == "log":
        recorder.log(**line)
    elif do == "label":
        recorder.label(line["prediction_id"], line["label"], timestamp_ms=line["timestamp_ms"])
    elif do == "feedback":
        recorder.feedback(line["prediction_id"], line["signals"], timestamp_ms=line["timestamp_ms"])
    else:
        raw = bytes.fromhex(line["hex"])
        rubbish.produce(f"{prefix}{line['role']}", raw, key=raw[:20])
        rubbish.poll(0)


def say(text: str) -> None:
    """Tell the test."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _, where, topics, file, last, pace = sys.argv
    main(where, topics, Path(file), int(last), float(pace))
