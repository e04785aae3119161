"""Kafka headers of an event: the trace it belongs to, and CloudEvents in binary mode when asked for."""

from tidegauge.recorder.sender import Headers


def event_headers(kind: str, event_id: str, traceparent: str | None, source: str | None) -> Headers | None:
    """Headers of one event; none at all in the common case.

    `traceparent` is W3C Trace Context, for other readers of the topic; `source` turns CloudEvents 1.0 headers on.
    """
    if traceparent is None and source is None:
        return None
    headers: Headers = [] if traceparent is None else [("traceparent", traceparent)]
    if source is not None:
        headers += [
            ("ce_specversion", "1.0"),
            ("ce_id", event_id),
            ("ce_source", source),
            ("ce_type", f"tidegauge.{kind}.v1"),
            ("content-type", "application/json"),
        ]
    return headers
