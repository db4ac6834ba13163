"""One SQL statement in a driver of its own."""

from __future__ import annotations

from pyspark.sql import SparkSession

from libra_provider.jobs.hand_in import result
from libra_provider.jobs.order import Order
from libra_provider.jobs.parameters import bound


def run(text: str, order: Order) -> None:
    """Hand in what *text* returns, a command as no rows; Spark's errors pass through.

    More than one statement is a syntax error of Spark's.
    """
    session = SparkSession.builder.getOrCreate()
    arguments = {"args": bound(session, order.parameters)} if order.parameters else {}
    frame = session.sql(text, **arguments)
    # A command has nothing to write, and where there is no Libra, nobody to tell so.
    if frame.columns or order.result_url:
        result(frame)
