"""A master and a Libra with many jobs that wait, as fast as they can be: they are not measured.

``python -m benchmarks.waiting_servers COUNT`` prints its port. All jobs run; ``POST /end`` has some
of them end at moments of its own, which ``GET /ended`` tells.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter
from typing import Any

from aiohttp import web

WORKER = "worker-20261120082230-127.0.0.1-7078"
_LINE_EVERY = 5.0  # seconds
_RETAINED = 200


def job_ids(count: int) -> list[str]:
    """The ids of all jobs; both servers know them."""
    return [f"driver-20261120082239-{number:05}" for number in range(count)]


class Servers:
    """Both servers, on one port."""

    def __init__(self, count: int) -> None:
        self.running = dict.fromkeys(job_ids(count))
        self.ended: dict[str, float] = {}
        self.asked: Counter[str] = Counter()
        self.began = time.time()
        self._drivers = {each: json.dumps(_driver(each)) for each in self.running}
        self._apps = [_application(each) for each in self.running]
        self.tasks: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        """The application that serves them."""
        app = web.Application(client_max_size=2**24, middlewares=[self._counting()])
        app.add_routes(
            [
                web.get("/json/", self._page),
                web.get("/log/", self._log),
                web.get("/v1/submissions/status/{id}", self._status),
                web.get("/v1/submissions/readyz", self._ready),
                web.post("/api/v1/statements/states", self._states),
                web.post("/api/v1/statements/status", self._statuses),
                web.get("/api/v1/statements/{id}/log", self._statement_log),
                web.post("/end", self._end),
                web.get("/counts", self._counts),
                web.get("/ended", self._ended),
            ]
        )
        return app

    def _counting(self) -> Any:
        @web.middleware
        async def count(request: web.Request, handler: Any) -> web.StreamResponse:
            resource = request.match_info.route.resource
            self.asked[resource.canonical if resource else ""] += 1
            answer: web.StreamResponse = await handler(request)
            return answer

        return count

    async def _page(self, _: web.Request) -> web.Response:
        over = [json.dumps(_driver(each, "FINISHED")) for each in list(self.ended)[-_RETAINED:]]
        worker = {"id": WORKER, "host": "127.0.0.1", "webuiaddress": self.url, "state": "ALIVE"}
        body = {
            "status": "ALIVE",
            "masterurl": "spark://127.0.0.1:7077",
            "workers": [worker | {"coresfree": 0, "memoryfree": 0}],
            "activeapps": self._apps,
        }
        alive = ",".join(self._drivers[each] for each in self.running)
        drivers = f'"activedrivers":[{alive}],"completeddrivers":[{",".join(over)}]'
        return _json(f"{json.dumps(body)[:-1]},{drivers}}}")

    async def _ready(self, _: web.Request) -> web.Response:
        return _json('{"success":true,"message":"","serverSparkVersion":"4.3.0"}')

    async def _status(self, request: web.Request) -> web.Response:
        state = "RUNNING" if request.match_info["id"] in self.running else "FINISHED"
        placed = {"workerId": WORKER, "workerHostPort": "127.0.0.1:7078"}
        body = {"driverState": state, "success": True, "submissionId": request.match_info["id"]}
        # As Spark writes it: Airflow's own provider reads it line by line.
        return _json(json.dumps(body | placed, indent=2, separators=(",", " : ")))

    def _text(self, job_id: str) -> bytes:
        head = f"INFO Connected to Spark cluster with app ID {_app(job_id)}\n"
        count = int((self.ended.get(job_id, time.time()) - self.began) / _LINE_EVERY)
        return (head + "INFO TaskSetManager: Finished task 3.0 in stage 1.0\n" * count).encode()

    async def _log(self, request: web.Request) -> web.Response:
        text = self._text(request.query["driverId"])
        if request.query["logType"] == "stdout":
            text = b""
        start = int(request.query["offset"])
        part = text[start : start + int(request.query["byteLength"])]
        head = f"==== Bytes {start}-{start + len(part)} of {len(text)} of /work/log ====\n"
        return web.Response(body=head.encode() + part, content_type="text/plain")

    async def _states(self, request: web.Request) -> web.Response:
        asked = (await request.json())["jobIds"]
        states = {each: "RUNNING" if each in self.running else "SUCCESS" for each in asked}
        return _json(json.dumps({"states": states}))

    async def _statuses(self, request: web.Request) -> web.Response:
        asked = (await request.json())["jobIds"]
        return _json(json.dumps({"statements": [self._statement(each) for each in asked]}))

    def _statement(self, job_id: str) -> dict[str, Any]:
        done = int(time.time() - self.began)
        moment = "2026-11-20T08:22:39+00:00"
        return {
            "jobId": job_id,
            "state": "RUNNING" if job_id in self.running else "SUCCESS",
            "kind": "python",
            "mode": "SHARED",
            "progress": {"tasksDone": done, "tasksTotal": 10_000, "stagesDone": 0},
            "driver": {
                "where": "on Libra's shared driver",
                "host": "127.0.0.1",
                "applicationId": "app-1",
            },
            "submittedAt": moment,
            "startedAt": moment,
        }

    async def _statement_log(self, request: web.Request) -> web.Response:
        job_id = request.match_info["id"]
        text = self._text(job_id) if request.query["stream"] == "stdout" else b""
        part = text[int(request.query["offset"]) :].decode()
        body = {"text": part, "nextOffset": len(text), "size": len(text)}
        return _json(json.dumps(body | {"complete": job_id not in self.running}))

    async def _end(self, request: web.Request) -> web.Response:
        """End ``count`` jobs at random moments ``within`` so many seconds."""
        given = await request.json()
        for job_id in random.sample(list(self.running), given["count"]):
            ending = asyncio.create_task(
                self._end_later(job_id, random.uniform(0, given["within"]))
            )
            self.tasks.add(ending)
        return _json("{}")

    async def _end_later(self, job_id: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        del self.running[job_id]
        self.ended[job_id] = time.time()

    async def _counts(self, _: web.Request) -> web.Response:
        return _json(json.dumps(self.asked))

    async def _ended(self, _: web.Request) -> web.Response:
        return _json(json.dumps(self.ended))

    async def serve(self) -> None:
        """Print the port, and serve until the process is ended."""
        runner = web.AppRunner(self.app(), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}"
        print(port, flush=True)
        await asyncio.Event().wait()


def _app(job_id: str) -> str:
    return job_id.replace("driver", "app")


def _driver(job_id: str, state: str = "RUNNING") -> dict[str, Any]:
    return {
        "id": job_id,
        "starttime": "1763627000000",
        "state": state,
        "cores": 1,
        "memory": 1024,
        "submitdate": "Fri Nov 20 08:22:39 UTC 2026",
        "worker": WORKER,
        "mainclass": "org.apache.spark.deploy.SparkSubmit",
    }


def _application(job_id: str) -> dict[str, Any]:
    return {
        "id": _app(job_id),
        "starttime": 1763627000000,
        "name": "etl",
        "cores": 1,
        "user": "spark",
        "memoryperexecutor": 1024,
        "memoryperslave": 1024,
        "resourcesperexecutor": [],
        "resourcesperslave": [],
        "submitdate": "Fri Nov 20 08:22:41 UTC 2026",
        "state": "RUNNING",
        "duration": 3600000,
    }


def _json(text: str) -> web.Response:
    return web.Response(text=text, content_type="application/json")


if __name__ == "__main__":
    asyncio.run(Servers(int(sys.argv[1])).serve())
