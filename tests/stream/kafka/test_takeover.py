from stream.kafka.takeover import FLOOR, PROTOCOLS, SESSION, judge_takeover


def test_the_classic_protocol_misses_a_killed_worker_after_six_seconds() -> None:
    assert judge_takeover("classic", None).what.startswith("a killed worker is missed after 6 s")


def test_the_new_protocol_leaves_it_to_the_broker() -> None:
    slow = judge_takeover("consumer", {SESSION: "45000", FLOOR: "45000", PROTOCOLS: "classic,consumer,streams"})
    assert slow.fine
    assert "missed after 45 s (group.consumer.session.timeout.ms" in slow.what
    assert "its floor group.consumer.min.session.timeout.ms (now 45 s)" in slow.advice
    assert judge_takeover("consumer", {SESSION: "6000", FLOOR: "6000"}).advice == ""


def test_a_broker_without_the_new_protocol_is_a_finding() -> None:
    assert not judge_takeover("consumer", {"log.dirs": "/x"}).fine
    assert not judge_takeover("consumer", {SESSION: "45000", PROTOCOLS: "classic"}).fine


def test_a_broker_that_shows_nothing_is_said_and_is_no_error() -> None:
    hidden = judge_takeover("consumer", None)
    assert hidden.fine
    assert "does not show" in hidden.what
