"""Calls for the web pages of master and workers in JSON and text: workers, drivers, driver logs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Any
from urllib.parse import quote

from libra_provider.clients.http.call import Call, Reply

_LOG_HEAD = re.compile(r"==== Bytes (\d+)-(\d+) of (\d+) of .* ====")


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker of the cluster, with its total and free resources; memory in MiB."""

    worker_id: str
    host: str
    ui_url: str
    state: str
    cores_free: int
    memory_free_mib: int
    cores: int = 0
    memory_mib: int = 0


@dataclass(frozen=True, slots=True)
class Driver:
    """One driver as the master's page lists it, with what it requests; memory in MiB.

    ``submitted`` is in seconds since the epoch by the master's clock; ``worker_id`` is None while
    the driver waits.
    """

    driver_id: str
    state: str
    cores: int
    memory_mib: int
    main_class: str = ""
    submitted: float = 0.0
    worker_id: str | None = None


@dataclass(frozen=True, slots=True)
class Application:
    """One application, and the number of cores that its executors have."""

    application_id: str
    name: str
    state: str
    cores: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """The master's page; ``status`` is ALIVE for the leading master."""

    status: str
    workers: Sequence[Worker]
    drivers: Sequence[Driver]
    applications: Sequence[Application]
    ended_drivers: Sequence[Driver] = ()

    @property
    def alive(self) -> list[Worker]:
        """Return the workers that accept drivers and executors."""
        return [each for each in self.workers if each.state == "ALIVE"]


@dataclass(frozen=True, slots=True)
class LogPart:
    """A piece of a log: its text, its begin and end, and the size of the log, in bytes."""

    text: str
    start: int
    end: int
    size: int


def cluster() -> Call[Cluster]:
    """Return workers, drivers and applications, from the master's UI."""

    def parse(reply: Reply) -> Cluster:
        try:
            body = _page(reply, _smaller)
            return Cluster(
                status=str(body["status"]),
                workers=tuple(map(_worker, body["workers"])),
                drivers=tuple(map(_driver, body["activedrivers"])),
                applications=tuple(map(_application, body["activeapps"])),
                ended_drivers=tuple(map(_driver, body["completeddrivers"])),
            )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise reply.not_as_expected(f"the master's page was expected ({error!r})") from error

    return Call(method="GET", path="/json/", parse=parse)


def _smaller(body: dict[str, Any]) -> object:
    """Return *body* as a driver or an application if it is one, otherwise unchanged.

    The unused fields of ten thousand of them would take tens of megabytes while the page is read.
    """
    if "mainclass" in body:
        return _driver(body)
    return _application(body) if "duration" in body else body


def _worker(body: dict[str, Any]) -> Worker:
    return Worker(
        worker_id=str(body["id"]),
        host=str(body["host"]),
        ui_url=str(body["webuiaddress"]),
        state=str(body["state"]),
        cores_free=int(body["coresfree"]),
        memory_free_mib=int(body["memoryfree"]),
        cores=int(body.get("cores", body["coresfree"])),
        memory_mib=int(body.get("memory", body["memoryfree"])),
    )


def _driver(body: Driver | dict[str, Any]) -> Driver:
    if isinstance(body, Driver):
        return body
    worker = str(body.get("worker") or "None")
    # A page of ten thousand drivers repeats the same words ten thousand times.
    return Driver(
        driver_id=str(body["id"]),
        state=intern(str(body["state"])),
        cores=int(body["cores"]),
        memory_mib=int(body["memory"]),
        main_class=intern(str(body.get("mainclass", ""))),
        submitted=int(body.get("starttime") or 0) / 1000,
        worker_id=intern(worker) if worker != "None" else None,
    )


def _application(body: Application | dict[str, Any]) -> Application:
    if isinstance(body, Application):
        return body
    return Application(
        application_id=str(body["id"]),
        name=intern(str(body["name"])),
        state=intern(str(body["state"])),
        cores=int(body["cores"]),
    )


def worker_page() -> Call[str]:
    """Return the id of the worker whose page this is."""

    def parse(reply: Reply) -> str:
        page = _page(reply)
        if "masterurl" not in page:
            raise reply.not_as_expected("a worker's page was expected")
        return str(page.get("id", ""))

    return Call(method="GET", path="/json/", parse=parse)


def executors() -> Call[Sequence[str]]:
    """Return the application of each executor that runs on a worker, from its UI."""

    def parse(reply: Reply) -> Sequence[str]:
        try:
            return [str(each["appid"]) for each in _page(reply)["executors"]]
        except (KeyError, TypeError) as error:
            raise reply.not_as_expected("a worker's page was expected") from error

    return Call(method="GET", path="/json/", parse=parse)


def driver_log(
    driver_id: str, stream: str, *, offset: int | None = None, length: int = 2**16
) -> Call[LogPart]:
    """Return *length* bytes of a driver's ``stdout`` or ``stderr``, from its worker's UI.

    Without *offset* these are the last ones. The part is empty if the driver has not started.
    """

    def parse(reply: Reply) -> LogPart:
        if reply.status >= 500:
            raise reply.no_answer()
        # A worker returns plain text, even if there is no log; HTML would be a login page.
        if reply.status != 200 or "html" in reply.headers.get("content-type", ""):
            raise reply.not_as_expected("a driver's log was expected")
        head, _, text = reply.text.partition("\n")
        found = _LOG_HEAD.fullmatch(head.strip())
        if found is None:
            return LogPart("", 0, 0, 0)
        return LogPart(text, int(found[1]), int(found[2]), int(found[3]))

    query = {"driverId": driver_id, "logType": stream, "byteLength": str(length)}
    if offset is not None:
        query["offset"] = str(offset)
    return Call(
        method="GET", path="/log/", parse=parse, query=query, headers={"Accept": "text/plain"}
    )


def driver_log_page(worker_ui: str, driver_id: str, stream: str = "stderr") -> str:
    """Return the URL of the page that shows a driver's log to people."""
    return f"{worker_ui}/logPage/?driverId={quote(driver_id)}&logType={stream}"


def _page(reply: Reply, each: Callable[[dict[str, Any]], object] | None = None) -> dict[str, Any]:
    if reply.status >= 500:
        raise reply.no_answer()
    if reply.status != 200:
        raise reply.not_as_expected(
            "this is not the web page of a Spark master; check ui_urls (--ui)"
        )
    return reply.json_object(each)


# The line that names a Java exception, with or without what the JVM writes before it.
_JAVA = re.compile(
    r"^(?:Exception in thread \"[^\"]*\" |Caused by: )?"
    r"((?:[a-z_][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error)\b.*)$"
)

# Spark calls a driver's main by reflection; the real exception follows as "Caused by".
_WRAPPERS = ("java.lang.reflect.InvocationTargetException",)
_OF_SPARK_SUBMIT = "Error: "


def first_exception(stderr: str) -> str | None:
    """Return the first exception in *stderr*, as one line; Python's, if Java's only wraps it.

    Without an exception, return the error of SparkSubmit itself, or None.
    """
    lines = stderr.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("Traceback (most recent call last):"):
            return _end_of_traceback(lines[number + 1 :])
        if (found := _JAVA.match(line)) and not found[1].startswith(_WRAPPERS):
            return found[1]
    return next((line for line in lines if line.startswith(_OF_SPARK_SUBMIT)), None)


def _end_of_traceback(lines: Sequence[str]) -> str | None:
    return next((each.strip() for each in lines if each and not each[0].isspace()), None)
