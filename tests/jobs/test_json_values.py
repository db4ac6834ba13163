"""Values of Python, and of the libraries that jobs use, as JSON has them."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict, defaultdict
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import Row

from libra_provider.jobs.json_values import json_text


class Point(NamedTuple):
    x: int
    y: float


class Level(IntEnum):
    HIGH = 3


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (Counter("aab"), {"a": 2, "b": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (OrderedDict(a=Point(1, float("nan"))), {"a": [1, "NaN"]}),
        ([Level.HIGH, Colour.RED], [3, "red"]),
        ({Colour.RED: 1}, {"red": 1}),
        (Row(day="x", n=Row(m=1)), {"day": "x", "n": {"m": 1}}),
    ],
)
def test_what_is_made_of_types_that_json_has_is_what_json_has(value: Any, said: Any) -> None:
    """As json.dumps does: a Counter is a dict."""
    assert json.loads(json_text(value)) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (pd.Series([1, 2]), [1, 2]),
        (pd.Series([1.5], index=["a"]).describe().loc["count"], 1.0),
        (pd.Timestamp("2026-01-31 12:00:00.5"), "2026-01-31T12:00:00.500000"),
        (pd.Series(pd.to_datetime(["2026-01-31"], utc=True)), ["2026-01-31T00:00:00+00:00"]),
        (pd.NaT, "NaT"),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        ({"n": np.int64(3), "ok": np.bool_(True)}, {"n": 3, "ok": True}),
        (np.datetime64("2026-01-31"), "2026-01-31"),
    ],
)
def test_values_of_numpy_and_pandas_are_those_of_python(value: Any, said: Any) -> None:
    assert json.loads(json_text(value)) == said


def test_a_moment_of_numpy_in_nanoseconds_is_no_number() -> None:
    """What ``frame["t"].to_numpy().max()`` is; NumPy's tolist() would make an integer of it."""
    moment = np.datetime64("2026-01-31T12:00:00", "ns")

    assert json.loads(json_text({"at": moment})) == {"at": "2026-01-31T12:00:00"}
    assert json.loads(json_text(np.array([moment]))) == ["2026-01-31T12:00:00"]


@pytest.mark.parametrize(
    "value", [{1, 2}, b"x", 1j, object(), {1: "a"}, np.timedelta64(5, "ns"), pd.NA]
)
def test_what_json_has_no_form_for_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="JSON"):
        json_text(value)
