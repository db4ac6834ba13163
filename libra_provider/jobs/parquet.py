"""Rows that stay on the cluster: written as Parquet to a given path, never collected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, Observation, types
from pyspark.sql.functions import count, lit

from libra_provider.core.errors import BadInput
from libra_provider.jobs.columns import TextTypes, with_text

_ROWS = "rows"
_NOT_IN_PARQUET: TextTypes = (
    types.CalendarIntervalType,
    # Spark 4.0 has no such type.
    getattr(types, "TimeType", types.CalendarIntervalType),
)


@dataclass(frozen=True)
class WrittenRows:
    """The files at *uri*; *schema* is Spark's, as JSON."""

    uri: str
    row_count: int
    size: int
    schema: str


def write(frame: DataFrame, path: str, *, parameter: str) -> WrittenRows:
    """Write the rows to *path* and return what was written; a retry replaces its own files.

    Raises BadInput, which names *parameter*, for a *path* that contains other files, or that the
    query reads.
    """
    folder = _Folder(frame, path, parameter)
    folder.check(frame)
    frame = with_text(frame, _NOT_IN_PARQUET)
    written = Observation()
    counted = frame.observe(written, count(lit(1)).alias(_ROWS))
    counted.write.mode("overwrite").parquet(folder.uri)
    return WrittenRows(folder.uri, written.get[_ROWS], folder.size(), frame.schema.json())


class _Folder:
    def __init__(self, frame: DataFrame, path: str, parameter: str) -> None:
        session: Any = frame.sparkSession
        given = session._jvm.org.apache.hadoop.fs.Path(path)  # noqa: SLF001  # Hadoop has no Python side
        conf = session._jsparkSession.sessionState().newHadoopConf()  # noqa: SLF001
        self._system = given.getFileSystem(conf)
        self._path = self._system.makeQualified(given)
        self._parameter = parameter
        self.uri: str = self._path.toString()

    def check(self, frame: DataFrame) -> None:
        """Raise BadInput if writing here would destroy other data."""
        if not self._system.exists(self._path):
            return
        if not self._system.getFileStatus(self._path).isDirectory():
            raise self._refusal("it is a file; name a folder")
        if foreign := next((each for each in self._names() if not _is_ours(each)), None):
            other = f"the folder contains {foreign!r}, which Libra has not written"
            raise self._refusal(f"{other}; name an empty folder")
        # Spark would remove the files before it reads them.
        if any(each.startswith(f"{self.uri}/") for each in map(_same_form, frame.inputFiles())):
            raise self._refusal("the query reads it; name another folder")

    def size(self) -> int:
        """Return the bytes of all files in the folder."""
        return int(self._system.getContentSummary(self._path).getLength())

    def _refusal(self, expected: str) -> BadInput:
        return BadInput(self._parameter, self.uri, expected)

    def _names(self) -> list[str]:
        found = self._system.listStatus(self._path)
        return [each.getPath().getName() + ("/" if each.isDirectory() else "") for each in found]


def _same_form(uri: str) -> str:
    # Spark writes file:///x where Hadoop writes file:/x.
    return uri.replace("file:///", "file:/", 1)


def _is_ours(name: str) -> bool:
    if name.endswith("/"):
        return name.startswith(("_temporary", ".spark-staging"))
    # Both: Spark names files of other formats part-…, too, and other tools write .parquet.
    is_rows = name.startswith("part-") and name.endswith(".parquet")
    return is_rows or name.startswith(("_", "."))
