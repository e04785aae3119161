"""What a dead letter says of itself, in headers that fit a message whatever was sent."""

import pytest

from stream.kafka.topics import TopicNames
from stream.profiler.dead_letters import MAX_DETAIL, letter_headers
from stream.profiler.messages import DeadLetter


@pytest.mark.parametrize("length", [10, MAX_DETAIL, 1_000_000])
def test_a_detail_that_quotes_a_long_text_keeps_its_beginning_and_its_end(length: int) -> None:
    detail = "type " + "t" * (length - 27) + " is none of batch, watermark"
    letter = DeadLetter("unknown_type", detail, "predictions", 3, 7, b"{")
    said = dict(letter_headers(letter, TopicNames("p.")))["detail"]
    assert isinstance(said, bytes)
    assert len(said) <= MAX_DETAIL + 5
    assert said.startswith(b"type ")
    assert said.endswith(b" is none of batch, watermark")
