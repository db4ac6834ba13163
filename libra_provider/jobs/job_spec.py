"""What a driver runs, as its submitter has written it into its environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

_ROWS = 1000


@dataclass(frozen=True)
class JobSpec:
    """The JSON of LIBRA_JOB; places are URLs or paths, or None where there is no Libra.

    ``kind`` is ``python-file``, ``python`` (source code that can use ``spark``) or ``sql``;
    ``returns``: the job must return a result.
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
    def of(cls, given: Mapping[str, Any]) -> JobSpec:
        """Return the spec of that JSON, whose version is ours; unknown fields are ignored."""
        names = {field.name for field in fields(cls)}
        known = {name: value for name, value in given.items() if name in names}
        # Lists may be null as well as absent.
        return cls(**{name: value for name, value in known.items() if value is not None})
