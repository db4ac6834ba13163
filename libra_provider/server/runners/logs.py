"""What the driver of a statement has written, on Libra's disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from libra_provider.clients.driver_log import APPLICATION_LINE, SPARK_UI_LINE
from libra_provider.clients.spark_ui import first_exception
from libra_provider.core.masking import masked_text

STREAMS = ("stdout", "stderr")
_LONGEST_ERROR = 600  # characters
# A context tells its application and its page while it starts; later nobody looks for them.
_HEAD = 2**18  # bytes


@dataclass(frozen=True, slots=True)
class StatementLogs:
    """The two files of the statement *job_id* in *folder*."""

    folder: Path
    job_id: str

    def path(self, stream: str) -> Path:
        """The file of ``stdout`` or ``stderr``; it is there once the driver was started."""
        return self.folder / f"{self.job_id}.{stream}"

    def prepare(self) -> None:
        """Make both files, for this user's eyes only."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for stream in STREAMS:
            os.close(os.open(self.path(stream), os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))

    def text(self, stream: str) -> str:
        """Everything in one of them; empty where there is none."""
        try:
            return self.path(stream).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def first_exception(self) -> str | None:
        """The first exception in them, without secrets; Python's is in stdout."""
        found = (first_exception(self.text(stream)) for stream in STREAMS)
        first = next(filter(None, found), None)
        return masked_text(first)[:_LONGEST_ERROR] if first else None

    def application(self) -> tuple[str | None, str | None]:
        """The application's id and the port of its page, as far as they are written there."""
        with self.path("stderr").open(errors="replace") as file:
            head = file.read(_HEAD)
        application, port = APPLICATION_LINE.search(head), SPARK_UI_LINE.search(head)
        return application and application[1], port and port[1]
