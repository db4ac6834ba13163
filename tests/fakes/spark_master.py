"""A Spark master's REST port and web pages, as the reference describes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.server import Answer, FakeServer, Request

_ALIVE = ("SUBMITTED", "RUNNING", "RELAUNCHING")
WORKER = "worker-20261120082230-127.0.0.1-7078"


@dataclass
class FakeDriver:
    """A driver; each status question takes the next of ``states``, the last one stays."""

    request: dict[str, Any]
    states: list[str]
    logs: dict[str, str] = field(default_factory=dict)
    killed: bool = False
    asked: int = 0
    worker: str = WORKER
    message: str = ""
    submitted: int = field(default_factory=lambda: int(time.time() * 1000))

    def state(self) -> str:
        self.asked += 1
        return self.shown()

    def shown(self) -> str:
        if self.killed:
            return "KILLED"
        return self.states[min(max(self.asked, 1), len(self.states)) - 1]


@dataclass
class FakeMaster(FakeServer):
    """A master with one worker, whose page it serves itself; new drivers live ``states``."""

    states: list[str] = field(default_factory=lambda: ["SUBMITTED", "RUNNING", "FINISHED"])
    logs: dict[str, str] = field(default_factory=dict)
    drivers: dict[str, FakeDriver] = field(default_factory=dict)
    message: str = ""
    page: dict[str, Any] = field(default_factory=dict)  # what its /json/ says otherwise
    dead: bool = False  # whether it has lost sight of its worker
    disturb: Callable[[Request], Answer | None] = lambda _: None

    def __post_init__(self) -> None:
        super().__init__()
        self._creating = threading.Lock()

    def answer(self, request: Request) -> Answer:
        disturbed = self.disturb(request)
        if disturbed is not None:
            return disturbed
        path = urlsplit(request.path).path
        verb, _, driver_id = path.removeprefix("/v1/submissions/").partition("/")
        match verb:
            case "create":
                return self._create(request)
            case "status":
                return self._status(driver_id)
            case "kill":
                return self._kill(driver_id)
            case "readyz":
                return _answer("ReadyzResponse", success=True, message="")
            case _:
                return self._page(request, path)

    def _create(self, request: Request) -> Answer:
        with self._creating:
            driver_id = f"driver-20261120082239-{len(self.drivers):04}"
            driver = FakeDriver(request.json(), list(self.states), self.logs)
            self.drivers[driver_id] = replace(driver, message=self.message)
        return _answer("CreateSubmissionResponse", success=True, submissionId=driver_id)

    def _status(self, driver_id: str) -> Answer:
        driver = self.drivers.get(driver_id)
        if driver is None:
            return _answer("SubmissionStatusResponse", success=False, submissionId=driver_id)
        state = driver.state()
        placed = {"workerId": driver.worker, "workerHostPort": "127.0.0.1:7078"}
        return _answer(
            "SubmissionStatusResponse",
            success=True,
            submissionId=driver_id,
            driverState=state,
            **({} if state == "SUBMITTED" else placed),
            **({"message": driver.message} if driver.message else {}),
        )

    def _kill(self, driver_id: str) -> Answer:
        driver = self.drivers.get(driver_id)
        alive = driver is not None and driver.state() in _ALIVE
        if driver is not None and alive:
            driver.killed = True
        said = f"Kill request for {driver_id} submitted"
        message = said if alive else f"{driver_id} has already finished or does not exist"
        return _answer("KillSubmissionResponse", success=alive, message=message)

    def _page(self, request: Request, path: str) -> Answer:
        match path:
            case "/json/":
                return Answer(body=self._listed() | self.page)
            case "/log/":
                return self._log(parse_qs(urlsplit(request.path).query))
            case _:
                return Answer(404, {"action": "ErrorResponse", "message": f"Unknown path {path}"})

    def _listed(self) -> dict[str, Any]:
        """The master's page, and the worker's: one fake serves both."""
        state = "DEAD" if self.dead else "ALIVE"
        worker = {"id": WORKER, "host": "127.0.0.1", "webuiaddress": self.url, "state": state}
        drivers = [
            {
                "id": driver_id,
                "state": driver.shown(),
                "cores": 1,
                "memory": 1024,
                "mainclass": driver.request.get("mainClass", ""),
                "starttime": str(driver.submitted),
                "worker": "None" if driver.shown() == "SUBMITTED" else driver.worker,
            }
            for driver_id, driver in list(self.drivers.items())
        ]
        return {
            "status": "ALIVE",
            "masterurl": "spark://127.0.0.1:7077",
            "id": WORKER,
            "workers": [worker | {"coresfree": 4, "memoryfree": 4096}],
            "activedrivers": [each for each in drivers if each["state"] in _ALIVE],
            "completeddrivers": [each for each in drivers if each["state"] not in _ALIVE],
            "activeapps": [],
        }

    def _log(self, query: dict[str, list[str]]) -> Answer:
        driver, stream = self.drivers[query["driverId"][0]], query["logType"][0]
        command = _launch_command(driver.request) if stream == "stderr" else ""
        text = (command + driver.logs.get(stream, "")).encode()
        length = int(query["byteLength"][0])
        start = int(query.get("offset", [max(len(text) - length, 0)])[0])
        part = text[start : start + length]
        head = f"==== Bytes {start}-{start + len(part)} of {len(text)} of /work/log ====\n"
        # As the worker does: what is cut in the middle of a character is replaced.
        body = head + part.decode(errors="replace")
        return Answer(body=body, headers={"content-type": "text/plain"})


def _launch_command(request: dict[str, Any]) -> str:
    """What a worker writes at the head of a driver's stderr."""
    properties = request.get("sparkProperties", {})
    words = [f'"-D{name}={value}"' for name, value in properties.items()]
    return f'Launch Command: "java" {" ".join(words)}\n{"=" * 40}\n\n'


def _answer(action: str, **body: Any) -> Answer:
    return Answer(body={"action": action, "serverSparkVersion": "4.3.0", **body})
