"""What Libra hears of a driver while it runs, and the receipt that it leaves at its end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import sys
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from libra_provider.jobs.job_spec import JobSpec
from libra_provider.jobs.upload import Uploader, UploadFailed

ATTEMPT = "LIBRA_ATTEMPT"
"""One start of the driver, in the environment of a process that takes the place of another."""
_LOOK = 0.25  # seconds between two looks for a context
_SIGN = 3600.0  # seconds between two signs of life
_AGAIN = 5.0  # seconds until Libra is told again, after it was away
_SHORT, _LONG = 5.0, 75.0  # seconds: a Libra that restarts must not cost what is to last
_JSON = "application/json"


class Reporter:
    """Tells Libra of one start of a driver; the job waits for none of it but the last.

    Without a Libra, the receipt is the last line of the driver's output.
    """

    def __init__(self, order: JobSpec) -> None:
        self._order, self._line = order, Uploader(order.ca)
        self.attempt = os.environ.pop(ATTEMPT, "") or uuid.uuid4().hex
        self._facts = _of_process()
        self._told: Mapping[str, Any] | None = None
        self._one_at_a_time = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="libra-reports", daemon=True)

    def begin(self) -> None:
        """Tell that it has started, and its application once there is one, on a thread."""
        if self._order.report_url:
            self._thread.start()

    def began(self) -> None:
        """Return once Libra knows of this start, or has been away for long.

        What is handed in by an unknown start would count for the one before it.
        """
        if self._order.report_url and self._told is None:
            self._tell_news(_LONG)

    def end(self, outcome: Mapping[str, Any]) -> None:
        """Leave the receipt; *outcome* has its ``state``, ``error`` and so on."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(_SHORT + _LOOK)
        receipt = {"event": "ended", "attempt": self.attempt, **outcome}
        try:
            if not self._order.report_url:
                raise UploadFailed("there is no Libra")
            self._tell_news(_SHORT)
            self._post(receipt, _LONG)
        except UploadFailed as error:
            if self._order.report_url:
                _say(f"libra: the receipt was not taken: {error}")
            self._leave_here(json.dumps({"tag": self._order.tag, **receipt}))

    def _leave_here(self, receipt: str) -> None:
        if self._order.result_path:
            try:
                name = f"_libra_{self._order.tag}.json"
                _write_file(self._order.result_path, name, receipt)
            except Exception as error:  # noqa: BLE001 - there is one more place for it
                _say(f"libra: no receipt beside {self._order.result_path}: {error}")
        _print_line(f"libra-receipt: {receipt}")

    def _tell(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            pause = _LOOK
            self._facts = {**self._facts, **_of_application()}
            if self._told != self._facts and not self._tell_news(_SHORT):
                pause = _AGAIN
            if "applicationId" in (self._told or {}):
                self._give_signs()

    def _give_signs(self) -> None:
        """Until the end, tell the same now and then: what gives no sign for days counts as lost."""
        while not self._over.wait(_SIGN):
            self._told = None
            self._tell_news(_SHORT)

    def _tell_news(self, within: float) -> bool:
        """Whether Libra knows the facts, or does not want to."""
        with self._one_at_a_time:
            facts = dict(self._facts)
            if self._told == facts:
                return True
            try:
                self._post({"event": "started", "attempt": self.attempt, **facts}, within)
            except UploadFailed as error:
                if not error.is_final:
                    return False
                _say(f"libra: the start of this driver was not taken: {error}")
            self._told = facts
            return True

    def _post(self, event: Mapping[str, Any], within: float) -> None:
        url, body = str(self._order.report_url), json.dumps(event).encode()
        self._line.send("POST", url, body, content_type=_JSON, within=within)


def _of_process() -> dict[str, Any]:
    driver_id = re.search(
        r"driver-\d{14}-\d+", Path.cwd().name + os.environ.get("SPARK_DRIVER_LOG_URL_STDERR", "")
    )
    return {"driverId": driver_id and driver_id[0], "host": socket.gethostname()}


def _of_application() -> dict[str, Any]:
    """Nothing until there is a context; looking for one must not make the job load pyspark."""
    spark = sys.modules.get("pyspark.core.context") or sys.modules.get("pyspark.context")
    context: Any = getattr(getattr(spark, "SparkContext", None), "_active_spark_context", None)
    if getattr(context, "_jsc", None) is None:
        return {}
    try:
        return {"applicationId": context.applicationId, "sparkUi": context.uiWebUrl}
    except Exception:  # noqa: BLE001 - it begins or ends just now
        return {}


def _say(sentence: str) -> None:
    # The program may have closed or replaced sys.stderr.
    with contextlib.suppress(OSError):
        os.write(2, f"{sentence}\n".encode())


def _print_line(text: str) -> None:
    """A line of its own, whatever the program has done to ``sys.stdout``."""
    with contextlib.suppress(AttributeError, ValueError, OSError):
        sys.stdout.flush()
    with contextlib.suppress(OSError):
        os.write(1, f"\n{text}\n".encode())


def _write_file(result_path: str, name: str, text: str) -> None:
    """Write *text* to the file *name* beside *result_path*; raises what the JVM raises."""
    from pyspark import SparkContext  # noqa: PLC0415 - other jobs may do without Spark

    # The program may have stopped its context; its JVM goes on, and knows where storage is.
    SparkContext._ensure_initialized()  # noqa: SLF001
    jvm: Any = SparkContext._jvm  # noqa: SLF001
    conf = jvm.org.apache.spark.deploy.SparkHadoopUtil.get().conf()
    path = jvm.org.apache.hadoop.fs.Path
    file = path(path(result_path).getParent(), name)
    stream = file.getFileSystem(conf).create(file, True)
    stream.write(bytearray(text.encode()))
    stream.close()
