"""Sizes, durations and bandwidths as people write them.

Sizes have Spark's meaning everywhere: ``k``, ``m``, ``g``, ``t``, ``KB``, ``MB``, ``GB`` are powers
of 1024 (org.apache.spark.network.util.JavaUtils). A number without a unit is refused, because
Spark reads it as bytes in one property and as MiB in another.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta

from libra_provider.core.errors import BadInput

KIB, MIB, GIB = 2**10, 2**20, 2**30
_SIZE_POWERS = {"b": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(?:(b)|([kmgtp])(?:i?b)?)\s*", re.IGNORECASE)
_DURATION = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]+)\s*", re.IGNORECASE)
_SECONDS = {
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86400.0),
}
_BANDWIDTH = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kmg]?)(?:bit/s|bps|bit)\s*", re.IGNORECASE)
_BIT_FACTORS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}


def size_in_bytes(text: object, *, parameter: str = "size") -> int:
    """The bytes that *text* ("2g", "1.5 GB") stands for; raises BadInput for anything else."""
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise BadInput(parameter, text, "expected a size with a unit, such as '512m' or '2g'")
    size = float(match[1]) * 1024 ** _SIZE_POWERS[(match[2] or match[3]).lower()]
    if not math.isfinite(size):
        raise BadInput(parameter, text, "the size is too large")
    return int(size)


def spark_size(text: object, *, parameter: str = "size") -> str:
    """*text* as every Spark property reads it: a whole number of KiB at least ("1.5 GB" → "1536m").

    Raises BadInput for anything but a size, and for sizes that are not a whole number of KiB.
    """
    size = size_in_bytes(text, parameter=parameter)
    for unit, power in (("g", 3), ("m", 2), ("k", 1)):
        if size >= 1024**power and size % 1024**power == 0:
            return f"{size // 1024**power}{unit}"
    raise BadInput(parameter, text, "Spark needs a size of whole KiB, such as '512m' or '2g'")


def readable_size(size: float) -> str:
    """*size* in bytes for people: "512 MiB", "1.5 GiB"."""
    units = ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while size >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.1f}".removesuffix(".0") + f" {units[0]}"


def duration_in_seconds(value: object, *, parameter: str = "duration") -> float:
    """The seconds that *value* ("10 min", 2.5, a timedelta) stands for; raises BadInput."""
    match value:
        case timedelta():
            seconds = value.total_seconds()
        case int() | float() if not isinstance(value, bool):
            seconds = float(value)
        case str() if (found := _DURATION.fullmatch(value)) and found[2].lower() in _SECONDS:
            seconds = float(found[1]) * _SECONDS[found[2].lower()]
        case _:
            raise BadInput(
                parameter, value, "expected a duration such as '30 s', '10 min' or '2 h'"
            )
    if seconds < 0:
        raise BadInput(parameter, value, "expected a duration of at least 0 s")
    if not math.isfinite(seconds):
        raise BadInput(parameter, value, "expected a finite duration")
    return seconds


def readable_duration(seconds: float) -> str:
    """*seconds* for people: "0.4 s", "12 s", "3 min 20 s", "10 min", "2 h 5 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (0 if hours else rest, "s")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number)


def readable_latency(seconds: float) -> str:
    """A round trip of *seconds* for people, in milliseconds: "0.027 ms", "120 ms"."""
    milliseconds = seconds * 1000
    return f"{milliseconds:.2g} ms" if milliseconds < 9.5 else f"{milliseconds:.0f} ms"


def bandwidth_in_bits(text: object, *, parameter: str = "bandwidth") -> float:
    """The bits per second that *text* ("100 Mbit/s") stands for, k = 1000; raises BadInput."""
    match = _BANDWIDTH.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise BadInput(parameter, text, "expected a bandwidth such as '100 Mbit/s' or '10 Gbit/s'")
    bits = float(match[1]) * _BIT_FACTORS[match[2].lower()]
    if bits == 0 or not math.isfinite(bits):
        raise BadInput(parameter, text, "expected a positive, finite bandwidth")
    return bits


def readable_bandwidth(bits: float) -> str:
    """*bits* per second for people: "56 kbit/s", "1.2 Gbit/s"."""
    units = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"]
    while bits >= 1000 and len(units) > 1:
        bits /= 1000
        units.pop(0)
    return f"{bits:.1f}".removesuffix(".0") + f" {units[0]}"
