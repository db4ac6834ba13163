"""Rows that stay on the cluster: written as Parquet where the order says, never collected."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame, Observation, types
from pyspark.sql.functions import count, lit

from libra_provider.core.errors import BadInput
from libra_provider.server.driver.columns import TextTypes, with_text
from libra_provider.server.driver.messages import Ended, Run

_ROWS = "rows"
_NOT_IN_PARQUET: TextTypes = (
    types.CalendarIntervalType,
    # Spark 4.0 has no such type.
    getattr(types, "TimeType", types.CalendarIntervalType),
)


def write(frame: DataFrame, order: Run) -> Ended:
    """How the writing ended; a retry finds its own files and replaces them.

    Raises BadInput for a target that holds anything else, or that the query reads.
    """
    folder = _Folder(frame, order.result_path or "")
    folder.check(frame)
    frame = with_text(frame, _NOT_IN_PARQUET)
    written = Observation()
    counted = frame.observe(written, count(lit(1)).alias(_ROWS))
    counted.write.mode("overwrite").parquet(folder.uri)
    return Ended(
        job_id=order.job_id,
        state="SUCCESS",
        row_count=written.get[_ROWS],
        result_bytes=folder.size(),
        result_uri=folder.uri,
        result_schema=frame.schema.json(),
    )


class _Folder:
    def __init__(self, frame: DataFrame, path: str) -> None:
        session: Any = frame.sparkSession
        given = session._jvm.org.apache.hadoop.fs.Path(path)  # noqa: SLF001  # Hadoop has no Python side
        conf = session._jsparkSession.sessionState().newHadoopConf()  # noqa: SLF001
        self._system = given.getFileSystem(conf)
        self._path = self._system.makeQualified(given)
        self.uri: str = self._path.toString()

    def check(self, frame: DataFrame) -> None:
        """Raise BadInput if writing here would cost anybody anything."""
        if not self._system.exists(self._path):
            return
        if not self._system.getFileStatus(self._path).isDirectory():
            raise BadInput("resultPath", self.uri, "it is a file; name a folder")
        if foreign := next((each for each in self._names() if not _is_ours(each)), None):
            advice = f"it holds {foreign!r}, which is no result of Libra's; name an empty folder"
            raise BadInput("resultPath", self.uri, advice)
        # Spark would remove the files first and miss them then.
        if any(each.startswith(f"{self.uri}/") for each in map(_same_form, frame.inputFiles())):
            raise BadInput("resultPath", self.uri, "the query reads it; name another folder")

    def size(self) -> int:
        """The bytes of all files in it."""
        return int(self._system.getContentSummary(self._path).getLength())

    def _names(self) -> list[str]:
        found = self._system.listStatus(self._path)
        return [each.getPath().getName() + ("/" if each.isDirectory() else "") for each in found]


def _same_form(uri: str) -> str:
    # Spark says file:///x where Hadoop says file:/x.
    return uri.replace("file:///", "file:/", 1)


def _is_ours(name: str) -> bool:
    if name.endswith("/"):
        return name.startswith(("_temporary", ".spark-staging"))
    return name.startswith(("part-", "_", ".")) or name.endswith(".parquet")
