"""Airflow's real TriggerRunner in the event loop of a test, with a supervisor that a test decides.

It creates, cancels and cancels again, binds logs and collects events as in a triggerer; what is
ours is the other end of its socket. These are internals of Airflow 3.3.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import uuid
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import msgspec
import structlog
from airflow.executors.workloads.task import TaskInstanceDTO
from airflow.executors.workloads.trigger import RunTrigger
from airflow.jobs.triggerer_job_runner import TriggerCommsDecoder, TriggerRunner, messages
from airflow.sdk.execution_time import comms, task_runner
from airflow.sdk.serde import serialize
from airflow.triggers.base import BaseTrigger

_WITHIN = 300.0  # seconds


class _Runner(TriggerRunner):
    """The real one, over a socket that is not its standard input."""

    def __init__(self, end: socket.socket) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow left it untyped
        self._end = end

    async def init_comms(self) -> None:
        reader, writer = await asyncio.open_connection(sock=self._end)
        self.comms_decoder = TriggerCommsDecoder(
            async_writer=writer, async_reader=reader, socket=self._end
        )
        task_runner.SUPERVISOR_COMMS = self.comms_decoder  # type: ignore[assignment]  # as Airflow
        await self.comms_decoder.start_reader()


@dataclass
class Triggerer(logging.Handler):
    """A triggerer; ``task_states`` answers what Airflow is asked before a kill, by key.

    ``lines``: what was logged, by the id of the trigger to whose task log Airflow would add it;
    None is the triggerer's own log.
    """

    task_states: dict[str, str | None] = field(default_factory=dict)
    slow: float = 0.0  # seconds until Airflow says how a task stands
    broken: bool = False  # whether it cannot say
    asked: list[dict[str, Any]] = field(default_factory=list)
    lines: dict[int | None, list[str]] = field(default_factory=lambda: defaultdict(list))
    events: dict[int, Any] = field(default_factory=dict)
    xcoms: list[dict[str, Any]] = field(default_factory=list)
    failures: dict[int, str] = field(default_factory=dict)
    finished: set[int] = field(default_factory=set)
    _answering: set[asyncio.Task[None]] = field(default_factory=set)
    _count: int = 0
    _create: list[RunTrigger] = field(default_factory=list)
    _cancel: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        super().__init__()

    __hash__ = object.__hash__

    def emit(self, record: logging.LogRecord) -> None:
        trigger_id = structlog.contextvars.get_contextvars().get("trigger_id")
        self.lines[trigger_id].append(record.getMessage())

    def add(self, trigger: BaseTrigger, *, task_id: str = "t", map_index: int = -1) -> int:
        """Have *trigger* run as a triggerer would run it from the database; its id."""
        self._count += 1
        classpath, kwargs = trigger.serialize()
        task = TaskInstanceDTO(
            id=uuid.uuid4(),
            dag_version_id=uuid.uuid4(),
            task_id=task_id,
            dag_id="d",
            run_id="r",
            try_number=1,
            map_index=map_index,
            pool_slots=1,
            queue="default",
            priority_weight=1,
        )
        workload = RunTrigger(
            id=self._count,
            classpath=classpath,
            encrypted_kwargs=json.dumps(serialize(kwargs)),
            ti=task,
        )
        self._create.append(workload)
        return self._count

    def cancel(self, *trigger_ids: int) -> None:
        """Cancel as when their rows have left the database: again and again, until they end."""
        self._cancel.update(trigger_ids)

    async def event(self, trigger_id: int) -> Any:
        """The payload of the event of trigger *trigger_id*."""
        await until(lambda: trigger_id in self.events or trigger_id in self.failures)
        return self.events[trigger_id]

    async def __aenter__(self) -> Self:
        ours, theirs = socket.socketpair()
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        self._before = getattr(task_runner, "SUPERVISOR_COMMS", None)
        logger = logging.getLogger("libra_provider")
        logger.addHandler(self)
        self._level = logger.level
        logger.setLevel(logging.INFO)
        self._serving = asyncio.create_task(self._serve())
        self.runner = _Runner(theirs)
        running = self.runner.arun()  # type: ignore[no-untyped-call]  # as above
        self._running = asyncio.create_task(running)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.drain()
        self._serving.cancel()
        await asyncio.wait([self._serving])
        self._writer.close()
        self.runner.comms_decoder._async_writer.close()
        logger = logging.getLogger("libra_provider")
        logger.removeHandler(self)
        logger.setLevel(self._level)
        task_runner.SUPERVISOR_COMMS = self._before  # type: ignore[assignment]  # as it was

    async def drain(self) -> None:
        """End as on SIGTERM: the triggers are cancelled without a word."""
        self.runner._handle_signal(15, None)
        await asyncio.wait([self._running])
        tasks = [each["task"] for each in self.runner.triggers.values()]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self) -> None:
        decoder = msgspec.msgpack.Decoder(comms._RequestFrame)
        while True:
            length = int.from_bytes(await self._reader.readexactly(4), "big")
            frame = decoder.decode(await self._reader.readexactly(length))
            body = frame.body or {}
            answering = asyncio.create_task(self._answer(frame.id, body))
            self._answering.add(answering)
            answering.add_done_callback(self._answering.discard)

    async def _answer(self, frame_id: int, body: dict[str, Any]) -> None:
        answer: Any = comms.OKResponse(ok=True)
        if body["type"] == "TriggerStateChanges":
            answer = self._sync(body)
        elif body["type"] == "SetXCom":
            self.xcoms.append(body)
            if self.broken:
                answer = comms.ErrorResponse(detail={"status_code": 500})
        elif body["type"] == "GetTaskStates":
            self.asked.append(body)
            await asyncio.sleep(self.slow)
            answer = comms.TaskStatesResult(task_states={"r": self.task_states})
            if self.broken:
                answer = comms.ErrorResponse(detail={"status_code": 500})
        error = answer.model_dump() if isinstance(answer, comms.ErrorResponse) else None
        body = {} if error else answer.model_dump()
        frame = comms._ResponseFrame(id=frame_id, body=body if not error else None, error=error)
        self._writer.write(frame.as_bytes())

    def _sync(self, body: dict[str, Any]) -> messages.TriggerStateSync:
        for trigger_id, event, _ in body.get("events") or ():
            self.events[trigger_id] = event["payload"]
        for trigger_id, trace in body.get("failures") or ():
            self.failures[trigger_id] = "".join(trace or ())
        self.finished |= set(body.get("finished") or ())
        self._cancel -= self.finished
        create, self._create = self._create, []
        return messages.TriggerStateSync(to_create=create, to_cancel=self._cancel)


async def until(true: Callable[[], Any]) -> None:
    """Return once *true*; raises TimeoutError if it never is."""
    async with asyncio.timeout(_WITHIN):
        while not true():  # noqa: ASYNC110 - servers in other threads make it true
            await asyncio.sleep(0.02)
