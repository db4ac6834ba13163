"""The CPU time that processes have used, by their kind."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# What the command line of a descendant holds → what it is.
_KINDS: Mapping[str, str] = {"org.apache.spark": "JVM", "server.driver.host": "host"}


def cpu_of(roots: Mapping[int, str]) -> dict[str, float]:
    """Seconds so far, by kind, of the processes *roots* and their descendants.

    A root is of the kind that is given, and so is a descendant of no kind of its own.
    """
    used: defaultdict[str, float] = defaultdict(float)
    for root, kind in roots.items():
        for pid in (root, *_descendants(root)):
            used[_kind(pid) or kind] += _cpu(pid)
    return dict(used)


def _descendants(pid: int) -> Iterator[int]:
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, file.read_text().split()):
            yield child
            yield from _descendants(child)


def _kind(pid: int) -> str | None:
    command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    return next((kind for mark, kind in _KINDS.items() if mark in command), None)


def _cpu(pid: int) -> float:
    # The name in the second field may hold spaces and brackets.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
