"""The thresholds of the decision tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from libra_provider.core.errors import BadInput
from libra_provider.core.properties import whole_number
from libra_provider.core.units import (
    GIB,
    MIB,
    duration_in_seconds,
    readable_latency,
    size_in_bytes,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The thresholds of the decision tree and their defaults."""

    large_collect: int = GIB
    """Bytes: a job with a larger result runs on the cluster."""
    same_site_round_trip: float = 0.002
    """Seconds: a shorter round trip means the same data center."""
    long_round_trip: float = 0.1
    """Seconds: with a longer round trip, a remote driver is ruled out."""
    many_tasks: int = 10_000
    """This many tasks or more rule out a remote driver."""
    short_task: float = 1.0
    """Seconds: shorter tasks rule out a remote driver."""
    large_broadcast: int = 100 * MIB
    """Bytes: a larger broadcast rules out a remote driver."""
    long_job: float = 600.0
    """Seconds: for a longer job, the cost of a remote driver is small."""

    def __post_init__(self) -> None:
        if self.long_round_trip < self.same_site_round_trip:
            shown, least = map(readable_latency, (self.long_round_trip, self.same_site_round_trip))
            expected = f"expected at least same_site_round_trip ({least})"
            raise BadInput("long_round_trip", shown, expected)

    @classmethod
    def of(cls, *given: Mapping[str, Any]) -> Policy:
        """The defaults, overridden by each of *given*; the last one takes precedence.

        Sizes and durations are strings with units ("2 GB", "5 ms"), numbers of tasks are integers.
        Raises BadInput for an unknown name or an invalid size, duration or number.
        """
        changes = {name: _read(name, value) for each in given for name, value in each.items()}
        return replace(cls(), **changes)


def _read(name: str, value: object) -> Any:
    if name not in _READ:
        raise BadInput(f"policy[{name!r}]", value, f"expected one of {', '.join(_READ)}")
    return _READ[name](value, name)


def _size(value: object, name: str) -> int:
    return size_in_bytes(value, parameter=name)


def _seconds(value: object, name: str) -> float:
    if isinstance(value, int | float):
        raise BadInput(name, value, "expected a duration with a unit, such as '2 ms' or '10 min'")
    return duration_in_seconds(value, parameter=name)


def _count(value: object, name: str) -> int:
    return int(whole_number(name, value))


_READ: Mapping[str, Callable[[object, str], float]] = {
    "large_collect": _size,
    "same_site_round_trip": _seconds,
    "long_round_trip": _seconds,
    "many_tasks": _count,
    "short_task": _seconds,
    "large_broadcast": _size,
    "long_job": _seconds,
}
THRESHOLDS = tuple(_READ)
"""The names of the thresholds."""
