"""A Spark master's REST port and web pages, as the reference describes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.server import Answer, FakeServer, Request

WORKER = "worker-20261120082230-127.0.0.1-7078"


@dataclass
class FakeDriver:
    """A driver; each status question takes the next of ``states``, the last one stays."""

    request: dict[str, Any]
    states: list[str]
    logs: dict[str, str] = field(default_factory=dict)
    killed: bool = False
    asked: int = 0

    def state(self) -> str:
        if self.killed:
            return "KILLED"
        self.asked += 1
        return self.states[min(self.asked, len(self.states)) - 1]


@dataclass
class FakeMaster(FakeServer):
    """A master with one worker, whose page it serves itself; new drivers live ``states``."""

    states: list[str] = field(default_factory=lambda: ["SUBMITTED", "RUNNING", "FINISHED"])
    logs: dict[str, str] = field(default_factory=dict)
    drivers: dict[str, FakeDriver] = field(default_factory=dict)
    disturb: Callable[[Request], Answer | None] = lambda _: None

    def __post_init__(self) -> None:
        super().__init__()

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
        driver_id = f"driver-20261120082239-{len(self.drivers):04}"
        self.drivers[driver_id] = FakeDriver(request.json(), list(self.states), self.logs)
        return _answer("CreateSubmissionResponse", success=True, submissionId=driver_id)

    def _status(self, driver_id: str) -> Answer:
        driver = self.drivers.get(driver_id)
        if driver is None:
            return _answer("SubmissionStatusResponse", success=False, submissionId=driver_id)
        state = driver.state()
        placed = {"workerId": WORKER, "workerHostPort": "127.0.0.1:7078"}
        return _answer(
            "SubmissionStatusResponse",
            success=True,
            submissionId=driver_id,
            driverState=state,
            **({} if state == "SUBMITTED" else placed),
        )

    def _kill(self, driver_id: str) -> Answer:
        driver = self.drivers.get(driver_id)
        alive = driver is not None and driver.state() in ("SUBMITTED", "RUNNING", "RELAUNCHING")
        if driver is not None and alive:
            driver.killed = True
        said = f"Kill request for {driver_id} submitted"
        message = said if alive else f"{driver_id} has already finished or does not exist"
        return _answer("KillSubmissionResponse", success=alive, message=message)

    def _page(self, request: Request, path: str) -> Answer:
        if path == "/json/":
            worker = {
                "id": WORKER,
                "host": "127.0.0.1",
                "webuiaddress": self.url,
                "state": "ALIVE",
                "coresfree": 4,
                "memoryfree": 4096,
            }
            return Answer(body={"url": "spark://127.0.0.1:7077", "workers": [worker]})
        if path == "/log/":
            query = parse_qs(urlsplit(request.path).query)
            text = self.drivers[query["driverId"][0]].logs.get(query["logType"][0], "")
            head = f"==== Bytes 0-{len(text)} of {len(text)} of /work/log ====\n"
            return Answer(body=head + text, headers={"content-type": "text/plain"})
        return Answer(404, {"action": "ErrorResponse", "message": f"Unknown path {path}"})


def _answer(action: str, **body: Any) -> Answer:
    return Answer(body={"action": action, "serverSparkVersion": "4.3.0", **body})
