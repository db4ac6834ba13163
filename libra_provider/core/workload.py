"""What you know about a job before it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Self

from libra_provider.core.errors import BadInput
from libra_provider.core.units import duration_in_seconds, size_in_bytes

_BARE = "a number needs a unit, such as '30 s', '10 min' or '2 h'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """What a job does, as far as you know; every field is optional.

    ``collects`` ("3 GB") is returned to the driver in total. ``expected_duration`` ("4 min") is the
    time for the work itself. With ``must_survive``, the job continues when Airflow and Libra stop.
    The job has ``tasks`` of ``task_seconds`` each (a number of seconds, or "200 ms"), and sends
    ``broadcast`` ("200 MB") to its executors, once or in each of its ``iterations``.
    Raises BadInput for an invalid size, duration or number.
    """

    collects: str | None = None
    expected_duration: str | timedelta | None = None
    must_survive: bool | None = None
    tasks: int | None = None
    task_seconds: float | str | timedelta | None = None
    broadcast: str | None = None
    iterations: int | None = None

    def __post_init__(self) -> None:
        if self.must_survive is not None and not isinstance(self.must_survive, bool):
            raise BadInput("must_survive", self.must_survive, "expected True or False")
        for parameter in ("tasks", "iterations"):
            _check_count(parameter, getattr(self, parameter))
        if isinstance(self.expected_duration, int | float):
            raise BadInput("expected_duration", self.expected_duration, _BARE)
        _ = self.collected_bytes, self.broadcast_bytes, self.duration, self.task_duration

    @classmethod
    def of(cls, given: Self | Mapping[str, Any] | None) -> Self:
        """*given* itself, or a mapping as a Workload; raises BadInput for an unknown key."""
        if given is None or isinstance(given, cls):
            return given or cls()
        if not isinstance(given, Mapping):
            raise BadInput("workload", given, "expected a Workload or a dict of its fields")
        known = [each.name for each in fields(cls)]
        for key, value in given.items():
            if key not in known:
                raise BadInput(f"workload[{key!r}]", value, f"the fields are {', '.join(known)}")
        return cls(**given)

    @property
    def collected_bytes(self) -> int | None:
        """``collects`` in bytes."""
        return _size("collects", self.collects)

    @property
    def broadcast_bytes(self) -> int | None:
        """``broadcast`` in bytes."""
        return _size("broadcast", self.broadcast)

    @property
    def duration(self) -> float | None:
        """``expected_duration`` in seconds."""
        return _seconds("expected_duration", self.expected_duration)

    @property
    def task_duration(self) -> float | None:
        """``task_seconds`` in seconds."""
        return _seconds("task_seconds", self.task_seconds)


def _check_count(parameter: str, value: object) -> None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value > 0
    if value is not None and not is_count:
        raise BadInput(parameter, value, "expected a whole number of at least 1")


def _size(parameter: str, text: str | None) -> int | None:
    return None if text is None else size_in_bytes(text, parameter=parameter)


def _seconds(parameter: str, value: float | str | timedelta | None) -> float | None:
    return None if value is None else duration_in_seconds(value, parameter=parameter)
