"""A driver host without Spark: speaks the real protocol over the real channel.

Its SQL: ``rows N``, ``fail``, ``nap WHILE`` (then one row), ``hang`` (until it is killed),
``stubborn SECONDS`` (it ends so long after it was killed), ``halfway`` (tells its progress and
hangs), ``die``, ``die AFTER``, ``babble``, ``break``, ``stall`` (its JVM does not answer any more),
``stall WHILE``, ``hold WHAT`` (so does its session from now on). WHILE and AFTER are seconds, or a
file that is waited for. Whatever is estimated has as many bytes as its text, except for ``die``.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

from libra_provider.server.driver.host.channel import Channel
from libra_provider.server.driver.messages import (
    DriverFailed,
    DriverReady,
    EstimateQuery,
    EstimateResult,
    KillStatement,
    Message,
    RunStatement,
    SessionHolds,
    StatementEnded,
    StatementProgress,
    StopDriver,
)
from libra_provider.server.results import store

SCHEMA = '{"type":"struct","fields":[{"name":"n","type":"long","nullable":true,"metadata":{}}]}'


def outcome(order: RunStatement, folder: Path) -> StatementEnded:
    verb, _, rest = order.code.partition(" ")
    if verb in ("nap", "hold", "stall"):
        rest = "1"
    elif verb == "value":
        return StatementEnded(job_id=order.job_id, state="SUCCESS", value=rest or None)
    elif verb != "rows":
        return StatementEnded(
            job_id=order.job_id,
            state="FAILED",
            error=f"[FAKE] {order.code} failed (line 1, pos 0)",
            error_class="FAKE",
            sql_state="42000",
        )
    if order.as_text:
        return StatementEnded(job_id=order.job_id, state="SUCCESS", text=f"Total rows: {rest}")
    if order.result_path:
        return StatementEnded(
            job_id=order.job_id,
            state="SUCCESS",
            row_count=int(rest),
            result_bytes=8 * int(rest),
            result_uri=order.result_path,
            result_schema=SCHEMA,
        )
    table = pa.table({"n": list(range(int(rest)))})
    store.write(store.path_of(folder, order.job_id), table, SCHEMA)
    return StatementEnded(
        job_id=order.job_id, state="SUCCESS", row_count=int(rest), result_bytes=table.nbytes
    )


def progress(job_id: str) -> StatementProgress:
    return StatementProgress(
        job_id=job_id,
        tasks_done=1,
        tasks_total=2,
        stages_done=0,
        stages_total=1,
        rows_read=10,
        bytes_read=80,
    )


def later(moment: str, act: Callable[[], object]) -> None:
    """Act after so many seconds, or once there is a file of that name."""

    def wait_and_act() -> None:
        if moment.startswith("/"):
            while not Path(moment).exists():
                time.sleep(0.01)
        else:
            time.sleep(float(moment or 0))
        act()

    threading.Thread(target=wait_and_act, daemon=True).start()


class FakeHost:
    def __init__(self, channel: Channel, folder: Path) -> None:
        self._channel = channel
        self._folder = folder
        self._stubborn: dict[str, str] = {}
        self._verbs: dict[str, Callable[[RunStatement, str], object]] = {
            "hang": lambda _order, _rest: None,
            "stubborn": lambda order, seconds: self._stubborn.update({order.job_id: seconds}),
            "halfway": lambda order, _rest: channel.say(progress(order.job_id)),
            "nap": lambda order, moment: later(moment, lambda: self._end(order)),
            "die": lambda _order, moment: later(moment, lambda: os._exit(9)),
            "babble": lambda _order, _rest: channel._socket.sendall(b"no message\n"),
            "break": lambda _order, _rest: self._break(),
            "stall": self._stall,
        }
        self._answers = threading.Event()
        self._answers.set()

    def is_over(self) -> bool:
        """What the JVM says, once it answers."""
        self._answers.wait()
        return False

    def hear(self, message: Message) -> None:
        match message:
            case RunStatement():
                verb, _, rest = message.code.partition(" ")
                if verb == "hold":
                    self._channel.say(
                        SessionHolds(message.session, rest.split(",") if rest else [])
                    )
                if act := self._verbs.get(verb):
                    act(message, rest)
                else:
                    self._end(message)
            case KillStatement():
                ended = StatementEnded(
                    job_id=message.job_id, state="CANCELLED", error="It was killed."
                )
                delay = self._stubborn.get(message.job_id, "")
                later(delay, lambda: self._channel.say(ended))
            case EstimateQuery(code="die"):
                os._exit(9)
            case EstimateQuery():
                size = len(message.code)
                self._channel.say(EstimateResult(key=message.key, bytes=size, guessed=False))
            case StopDriver():
                sys.exit()

    def _end(self, order: RunStatement) -> None:
        self._channel.say(outcome(order, self._folder))

    def _stall(self, order: RunStatement, moment: str) -> None:
        self._answers.clear()
        if moment:
            later(moment, lambda: self._recover(order))

    def _recover(self, order: RunStatement) -> None:
        self._answers.set()
        self._end(order)

    def _break(self) -> None:
        self._channel.say(DriverFailed("its JVM ended with exit code -9"))
        os._exit(1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel", type=int)
    parser.add_argument("--results", type=Path)
    options, _ = parser.parse_known_args()
    channel = Channel(options.channel)
    channel.say(
        DriverReady(
            host="h", application_id="app-1", master="fake", spark_version="4", spark_ui=None
        )
    )
    host = FakeHost(channel, options.results)
    channel.start_heartbeats(host.is_over)
    for message in channel.messages():
        host.hear(message)


if __name__ == "__main__":
    main()
