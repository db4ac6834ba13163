"""Tables in the memory of a Python process: pandas and Arrow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple


class TableSize(NamedTuple):
    """The size of a table; *memory* is in bytes."""

    rows: int
    memory: int


def size_of(value: Any) -> TableSize | None:
    """Return how large the table *value* is, or None if it is not a table."""
    for module, name, memory_of in _TABLES:
        # A value of a library exists only if the library is imported.
        kind = getattr(sys.modules.get(module), name, None)
        if kind is not None and isinstance(value, kind):
            return TableSize(len(value), memory_of(value))
    return None


_TABLES: tuple[tuple[str, str, Callable[[Any], int]], ...] = (
    ("pandas", "DataFrame", lambda table: int(table.memory_usage(index=False).sum())),
    ("pyarrow", "Table", lambda table: int(table.nbytes)),
)
