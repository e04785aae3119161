"""Numbers, names and dates as people read them in a summary."""

import datetime as dt
from collections.abc import Callable
from zoneinfo import ZoneInfo

from tidegauge.alerts import Finding, Window

EFFECT_NAMES = {
    "wasserstein": "normalised Wasserstein",
    "psi": "PSI",
    "jensen_shannon": "Jensen-Shannon",
    "ks": "KS",
    "burn_rate": "burn rate",
}
METRIC_NAMES = {"log_loss": "log loss", "roc_auc": "AUC", "macro_f1": "macro F1", "f1": "F1", "brier": "Brier score"}

_SMALL = 0.0995
"""Numbers below, which two decimals round to .09 or less, are told with two significant digits."""


def number(value: float | None, *, signed: bool = False) -> str:
    """Return two or three significant digits: .82, .0041, 5.6, 23, 6 300."""
    if value is None:
        return "?"
    sign = "-" if value < 0 else "+" if signed else ""
    size = abs(value)
    if size >= 100:
        return sign + f"{size:,.0f}".replace(",", " ")
    if size >= 10:
        return sign + f"{size:.0f}"
    text = f"{size:.1f}" if size >= 1 else f"{size:.2f}"
    if 0 < size < _SMALL:  # a rate or a return, of which two decimals say nothing
        text = f"{size:.2g}".replace("e-0", "e-")
    return sign + (text[1:] if text.startswith("0.") else text)


def against(value: float, limit: float, text: Callable[[float], str] = number) -> str:
    """Return "5.6 > 5.0", with more digits where few would make them look equal."""
    texts = text(value), text(limit)
    if texts[0] == texts[1]:
        texts = f"{value:.4g}", f"{limit:.4g}"
    return f"{texts[0]} {'>' if value >= limit else '<'} {texts[1]}"


def percent(value: float | None) -> str:
    """Return a share as "12 %"."""
    if value is None:
        return "? %"
    return f"{value * 100:.0f} %" if value >= 0.01 or value == 0 else f"{value * 100:.2g} %"


def local_day(timestamp_ms: int, timezone: str) -> str:
    """Return the local date of an instant: 2013-04-22."""
    return _local(timestamp_ms, timezone).strftime("%Y-%m-%d")


def last_day(window: Window, timezone: str) -> str:
    """Return month and day on which a window ended, 04-22; shorter windows with the time of day."""
    last = _local(window.end_ms - 1, timezone)
    days = window.end_ms - window.start_ms >= 82_800_000
    return last.strftime("%m-%d") if days else _local(window.end_ms, timezone).strftime("%m-%d %H:%M")


def blocks_name(length: str, count: int | None = None) -> str:
    """Return what to call windows of a length: days, 6h blocks; with a number: 7 days."""
    name = "days" if length == "1d" else f"{length} blocks"
    if count == 1:
        name = name.removesuffix("s")
    return name if count is None else f"{count} {name}"


def metric_name(name: str) -> str:
    """Return a metric's name for people."""
    return METRIC_NAMES.get(name, name.replace("_", " "))


def effects_text(finding: Finding) -> str:
    """Return a finding's effect sizes: normalised Wasserstein 1.6, PSI 5.4."""
    known = [(EFFECT_NAMES[name], value) for name, value in finding.effects.items() if name in EFFECT_NAMES]
    return ", ".join(f"{name} {number(value)}" for name, value in sorted(known, reverse=True))


def quiet_text(count: int, *, others: bool = True) -> str:
    """Return "9 other features quiet", "" for none."""
    other = "other " if others else ""
    return f"{count} {other}feature{'s' if count > 1 else ''} quiet" if count else ""


def joined(texts: list[str]) -> str:
    """Return a list in words: a, b and c."""
    return " and ".join(filter(None, (", ".join(texts[:-1]), *texts[-1:])))


def _local(timestamp_ms: int, timezone: str) -> dt.datetime:
    return dt.datetime.fromtimestamp(timestamp_ms / 1000, tz=ZoneInfo(timezone))
