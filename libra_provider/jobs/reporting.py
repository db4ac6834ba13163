"""The reports that a driver sends to Libra while it runs, and the receipt at its end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from libra_provider.jobs.bootstrap import VERSION
from libra_provider.jobs.job_spec import JobSpec
from libra_provider.jobs.timing import ReportTiming
from libra_provider.jobs.upload import Uploader, UploadFailed

ATTEMPT = "LIBRA_ATTEMPT"
"""The id of this start of the driver, in the environment of a process that replaces another."""
_JSON = "application/json"
_DEFAULT = ReportTiming()


class Reporter:
    """Reports one start of a driver to Libra; the job waits only for the last report.

    Without a Libra, the receipt is the last line of the driver's output. *application* returns
    what is known of the Spark application.
    """

    def __init__(
        self,
        spec: JobSpec,
        timing: ReportTiming = _DEFAULT,
        *,
        application: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        self._spec, self._timing = spec, timing
        self._uploader = Uploader(spec.ca, timing.upload)
        self._application = application or _of_application
        self.attempt = os.environ.pop(ATTEMPT, "") or uuid.uuid4().hex
        self._facts = _of_process()
        self._reported: Mapping[str, Any] | None = None
        self._one_at_a_time = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(
            target=self._keep_reporting, name="libra-reports", daemon=True
        )

    def start(self) -> None:
        """Report the start, and the application once there is one, on a thread."""
        if self._spec.report_url:
            self._thread.start()

    def ensure_start_reported(self) -> None:
        """Return once Libra has the report of this start, or has been away for long.

        Libra would count a result of an unknown start for the start before it.
        """
        if self._spec.report_url and self._reported is None:
            self._report_changes(self._timing.restart)

    def end(self, outcome: Mapping[str, Any]) -> None:
        """Send the receipt, or leave it here; *outcome* has its ``state``, ``error`` and so on."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(self._timing.short + self._timing.look)
        receipt = self._message("ended", outcome)
        try:
            if not self._spec.report_url:
                raise UploadFailed("there is no Libra")
            self._report_changes(self._timing.short)
            self._post(receipt, self._timing.restart)
        except UploadFailed as error:
            if self._spec.report_url:
                _print_error(f"libra: Could not send the receipt: {error}")
            self._leave_here(json.dumps({"tag": self._spec.tag, **receipt}))

    def _message(self, event: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        return {"version": VERSION, "event": event, "attempt": self.attempt, **facts}

    def _leave_here(self, receipt: str) -> None:
        if self._spec.result_path:
            try:
                name = f"_libra_{self._spec.tag}.json"
                _write_file(self._spec.result_path, name, receipt)
            except Exception as error:  # noqa: BLE001 - the output is one more place for it
                path = self._spec.result_path
                _print_error(f"libra: Could not write the receipt next to {path}: {error}")
        _print_line(f"libra-receipt: {receipt}")

    def _keep_reporting(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            pause = self._timing.look
            self._facts = {**self._facts, **self._application()}
            if self._reported != self._facts and not self._report_changes(self._timing.short):
                pause = self._timing.again
            if "applicationId" in (self._reported or {}):
                self._send_heartbeats()

    def _send_heartbeats(self) -> None:
        """Repeat the last report until the end: Libra counts a silent driver as lost."""
        while not self._over.wait(self._timing.heartbeat):
            self._reported = None
            self._report_changes(self._timing.short)

    def _report_changes(self, within: float) -> bool:
        """Return whether Libra has the facts, or has refused them for good."""
        with self._one_at_a_time:
            facts = dict(self._facts)
            if self._reported == facts:
                return True
            try:
                self._post(self._message("started", facts), within)
            except UploadFailed as error:
                if not error.is_final:
                    return False
                _print_error(f"libra: Could not report the start of this driver: {error}")
            self._reported = facts
            return True

    def _post(self, message: Mapping[str, Any], within: float) -> None:
        url, body = str(self._spec.report_url), json.dumps(message).encode()
        self._uploader.send("POST", url, body, content_type=_JSON, within=within)


def _of_process() -> dict[str, Any]:
    driver_id = re.search(
        r"driver-\d{14}-\d+", Path.cwd().name + os.environ.get("SPARK_DRIVER_LOG_URL_STDERR", "")
    )
    return {"driverId": driver_id and driver_id[0], "host": socket.gethostname()}


def _of_application() -> dict[str, Any]:
    """Return nothing until there is a context; looking for one must not import pyspark."""
    spark = sys.modules.get("pyspark.core.context") or sys.modules.get("pyspark.context")
    context: Any = getattr(getattr(spark, "SparkContext", None), "_active_spark_context", None)
    if getattr(context, "_jsc", None) is None:
        return {}
    try:
        return {"applicationId": context.applicationId, "sparkUi": context.uiWebUrl}
    except Exception:  # noqa: BLE001 - the context is just starting or stopping
        return {}


def _print_error(sentence: str) -> None:
    # The program may have closed or replaced sys.stderr.
    with contextlib.suppress(OSError):
        os.write(2, f"{sentence}\n".encode())


def _print_line(text: str) -> None:
    """Print a separate line, whatever the program has done to ``sys.stdout``."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        os.write(1, f"\n{text}\n".encode())


def _write_file(result_path: str, name: str, text: str) -> None:
    """Write *text* to the file *name* beside *result_path*; raises what the JVM raises."""
    from pyspark import SparkContext  # noqa: PLC0415 - other jobs need no Spark

    # The program may have stopped its context; its JVM still runs, with its storage settings.
    SparkContext._ensure_initialized()  # noqa: SLF001
    jvm: Any = SparkContext._jvm  # noqa: SLF001
    conf = jvm.org.apache.spark.deploy.SparkHadoopUtil.get().conf()
    path = jvm.org.apache.hadoop.fs.Path
    file = path(path(result_path).getParent(), name)
    stream = file.getFileSystem(conf).create(file, True)
    stream.write(bytearray(text.encode()))
    stream.close()
