"""A driver host without Spark: speaks the real protocol over the real channel.

Its SQL: ``rows N``, ``fail``, ``hang`` (until it is killed), ``die``, ``break WORD``.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # it has no types

from libra_provider.server import results
from libra_provider.server.driver.channel import Channel
from libra_provider.server.driver.messages import Broken, Ended, Kill, Ready, Run, Stop

SCHEMA = '{"type":"struct","fields":[{"name":"n","type":"long","nullable":true,"metadata":{}}]}'


def outcome(order: Run, folder: Path) -> Ended:
    verb, _, rest = order.code.partition(" ")
    if verb != "rows":
        return Ended(
            job_id=order.job_id,
            state="FAILED",
            error=f"[FAKE] {order.code} failed (line 1, pos 0)",
            error_class="FAKE",
            sql_state="42000",
        )
    if order.as_text:
        return Ended(job_id=order.job_id, state="SUCCESS", text=f"Total rows: {rest}")
    table = pa.table({"n": list(range(int(rest)))})
    results.write(results.path_of(folder, order.job_id), table, SCHEMA)
    return Ended(
        job_id=order.job_id, state="SUCCESS", row_count=int(rest), result_bytes=table.nbytes
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel", type=int)
    parser.add_argument("--results", type=Path)
    options, _ = parser.parse_known_args()
    channel = Channel(options.channel)
    channel.say(
        Ready(host="h", application_id="app-1", master="fake", spark_version="4", spark_ui=None)
    )
    for message in channel.heard():
        match message:
            case Run(code="die"):
                os._exit(9)
            case Run(code="break"):
                channel.say(Broken("its JVM ended with exit code -9"))
                os._exit(1)
            case Run(code="hang"):
                pass
            case Run():
                channel.say(outcome(message, options.results))
            case Kill():
                channel.say(Ended(job_id=message.job_id, state="CANCELLED", error="It was killed."))
            case Stop():
                sys.exit()


if __name__ == "__main__":
    main()
