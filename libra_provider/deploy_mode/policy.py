"""From which size, time and number on the rules have an opinion."""

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
    """The thresholds of the decision tree; the defaults are those of reference/libra.md."""

    large_collect: int = GIB
    """Bytes: what collects more runs on the cluster."""
    same_site_round_trip: float = 0.002
    """Seconds: a shorter round trip is one within a data centre."""
    long_round_trip: float = 0.1
    """Seconds: over a longer one, nothing is driven from afar."""
    many_tasks: int = 10_000
    """That many, or more, are not scheduled from afar."""
    short_task: float = 1.0
    """Seconds: shorter tasks are not scheduled from afar."""
    large_broadcast: int = 100 * MIB
    """Bytes: what is larger is not broadcast from afar."""
    long_job: float = 600.0
    """Seconds: of a longer job, the way to the driver is a small part."""

    def __post_init__(self) -> None:
        if self.long_round_trip < self.same_site_round_trip:
            shown, least = map(readable_latency, (self.long_round_trip, self.same_site_round_trip))
            expected = f"it cannot be shorter than same_site_round_trip, {least}"
            raise BadInput("long_round_trip", shown, expected)

    @classmethod
    def of(cls, *given: Mapping[str, Any]) -> Policy:
        """The defaults with what each of *given* changes, the last one first to be heard.

        Sizes and durations are texts with units ("2 GB", "5 ms"), numbers of tasks whole numbers.
        Raises BadInput for a name that is none, and for what is no size, duration or number.
        """
        changes = {name: _read(name, value) for each in given for name, value in each.items()}
        return replace(cls(), **changes)


def _read(name: str, value: object) -> Any:
    if name not in _READ:
        raise BadInput(f"policy[{name!r}]", value, f"the thresholds are {', '.join(_READ)}")
    return _READ[name](value, name)


def _size(value: object, name: str) -> int:
    return size_in_bytes(value, parameter=name)


def _seconds(value: object, name: str) -> float:
    if isinstance(value, int | float):
        raise BadInput(name, value, "a bare number has no unit; write '2 ms', '1 s' or '10 min'")
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
"""Their names."""
