"""Read every message, and with `decode` make a typed event of it: the limit everything else is compared with."""

import msgspec

from load.bench.subjects.reading import batches
from load.peers.meter import Meter, Task
from stream.app.collector import calm_collector
from tidegauge import Label, Prediction


def main() -> None:
    """Measure and write it down."""
    task, meter = Task.given(), Meter()
    decode = bool(task.extra.get("decode"))
    decode_prediction = msgspec.json.Decoder(Prediction).decode
    decode_label = msgspec.json.Decoder(Label).decode
    predictions = labels = 0
    if task.extra.get("calm"):
        calm_collector()
    for batch in batches(task, meter):
        for message in batch:
            value = message.value() or b""
            if message.topic() == task.predictions_topic:
                predictions += 1
                if decode:
                    decode_prediction(value)
            else:
                labels += 1
                if decode:
                    decode_label(value)
    meter.end(predictions=predictions, labels=labels)


if __name__ == "__main__":
    main()
