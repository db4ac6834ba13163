"""What a driver is to run, as whoever submitted it says in its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

_ROWS = 1000


@dataclass(frozen=True)
class JobSpec:
    """The JSON of LIBRA_JOB; places are URLs or paths, and None where there is no Libra.

    ``kind`` is ``python-file``, ``python`` (a text that finds ``spark``) or ``sql``; ``returns``: a
    result is promised.
    """

    tag: str
    kind: str = "python-file"
    application: str | None = None
    py_files: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    archives: tuple[str, ...] = ()
    sql: str | None = None
    sql_url: str | None = None
    parameters: Any = None
    result_url: str | None = None
    report_url: str | None = None
    result_limit: int = _ROWS
    result_path: str | None = None
    returns: bool = False
    ca: str | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> JobSpec:
        """The order of that JSON; what this runtime has no name for is left out."""
        names = {field.name for field in fields(cls)}
        given = {name: value for name, value in said.items() if name in names}
        # Lists may be null as well as absent.
        return cls(**{name: value for name, value in given.items() if value is not None})
