"""What the web pages of master and workers tell as JSON and text: workers, drivers, driver logs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from libra_provider.clients.call import Call, Reply

_LOG_HEAD = re.compile(r"==== Bytes (\d+)-(\d+) of (\d+) of .* ====")


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker of the cluster; memory in MiB."""

    worker_id: str
    host: str
    ui_url: str
    state: str
    cores_free: int
    memory_free_mib: int


@dataclass(frozen=True, slots=True)
class LogPart:
    """A piece of a log: its text, where it begins and ends, and the size of the whole, in bytes."""

    text: str
    start: int
    end: int
    size: int


def workers() -> Call[Sequence[Worker]]:
    """Every worker that the master knows, asked at the master's UI."""

    def parse(reply: Reply) -> Sequence[Worker]:
        body = _page(reply)
        try:
            return tuple(_worker(each) for each in body["workers"])
        except (KeyError, TypeError, ValueError) as error:
            raise reply.not_as_expected(f"a list of workers was expected ({error!r})") from error

    return Call(method="GET", path="/json/", parse=parse)


def _worker(body: dict[str, Any]) -> Worker:
    return Worker(
        worker_id=body["id"],
        host=body["host"],
        ui_url=body["webuiaddress"],
        state=body["state"],
        cores_free=int(body["coresfree"]),
        memory_free_mib=int(body["memoryfree"]),
    )


def driver_log(
    driver_id: str, stream: str, *, offset: int | None = None, length: int = 2**16
) -> Call[LogPart]:
    """Read *length* bytes of a driver's ``stdout`` or ``stderr``, asked at its worker's UI.

    Without *offset* they are the last ones. A driver that has not begun has no log: an empty part.
    """

    def parse(reply: Reply) -> LogPart:
        if reply.status != 200:
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
    """The address of the page on which people read a driver's log."""
    return f"{worker_ui}/logPage/?driverId={quote(driver_id)}&logType={stream}"


def _page(reply: Reply) -> dict[str, Any]:
    if reply.status >= 500:
        raise reply.no_answer()
    if reply.status != 200:
        raise reply.not_as_expected("this is not the web page of a Spark master; check ui_urls")
    return reply.json_object()


# The line that names a Java exception, with or without what the JVM writes before it.
_JAVA = re.compile(
    r"^(?:Exception in thread \"[^\"]*\" |Caused by: )?"
    r"((?:[a-z_][\w$]*\.)+[A-Z][\w$]*(?:Exception|Error)\b.*)$"
)


def first_exception(stderr: str) -> str | None:
    """The first exception in *stderr*, as one line; Python's comes before Java's wrapping of it."""
    lines = stderr.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("Traceback (most recent call last):"):
            return _end_of_traceback(lines[number + 1 :])
        if found := _JAVA.match(line):
            return found[1]
    return None


def _end_of_traceback(lines: Sequence[str]) -> str | None:
    return next((each.strip() for each in lines if each and not each[0].isspace()), None)
