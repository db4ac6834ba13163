"""Sessions, pools, estimates, states of statements and artifacts on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from libra_provider.core.units import readable_size
from libra_provider.server.api.schemas.base import SessionName, WireModel, local_time
from libra_provider.server.driver.messages import DriverReady, EstimateResult
from libra_provider.server.model.pools import Pool
from libra_provider.server.model.sessions import DEFAULT_SESSION, Session
from libra_provider.server.model.statement import PoolQueue, State


class SessionBody(WireModel):
    """A session in the form of the old API; times are local to Libra's host."""

    session_id: str
    app_id: str | None
    state: Literal["RUNNING", "STARTING"]
    master: str
    spark_version: str | None
    created_at: str | None
    last_activity: str | None

    @classmethod
    def of(cls, session: Session, facts: DriverReady | None, master: str) -> SessionBody:
        """Return *session* on the driver that *facts* describes."""
        return cls(
            session_id=session.name,
            app_id=facts.application_id if facts else None,
            state="RUNNING" if facts else "STARTING",
            master=master,
            spark_version=facts.spark_version if facts else None,
            created_at=local_time(session.created_at),
            last_activity=local_time(session.last_activity),
        )


class PoolBody(WireModel):
    """A FAIR pool and its queue."""

    name: str
    weight: int
    min_share: int
    waiting: int
    running: int
    oldest_waiting_seconds: float

    @classmethod
    def of(cls, name: str, pool: Pool, queue: PoolQueue | None) -> PoolBody:
        """Return *pool* with its *queue*; None is an empty one."""
        queue = queue or PoolQueue(pool=name, waiting=0, running=0)
        return cls(
            name=name,
            weight=pool.weight,
            min_share=pool.min_share,
            waiting=queue.waiting,
            running=queue.running,
            oldest_waiting_seconds=queue.oldest_waiting_seconds,
        )


class EstimateRequest(WireModel):
    """A query to estimate, with the temporary views and settings of its session."""

    session: SessionName = DEFAULT_SESSION
    code: Annotated[str, Field(min_length=1, examples=["SELECT * FROM flights"])]
    parameters: dict[str, JsonValue] | list[JsonValue] | None = None


class EstimateReply(WireModel):
    """The size of a result, as Spark's optimizer estimates it; null if it cannot.

    ``readable`` is ``bytes`` with a unit, for humans.
    """

    bytes: int | None
    rows: int | None
    guessed: bool
    """Whether a table has no statistics, so that the numbers are a guess."""
    readable: str | None

    @classmethod
    def of(cls, estimated: EstimateResult) -> EstimateReply:
        """Return *estimated* as it is sent."""
        size = estimated.bytes
        return cls(
            bytes=size,
            rows=estimated.rows,
            guessed=estimated.guessed,
            readable=None if size is None else readable_size(size),
        )


class StatesRequest(WireModel):
    """The ids of statements whose states are requested."""

    job_ids: list[str] = Field(max_length=10_000)


class StatesReply(WireModel):
    """The states of the statements that exist, by id; unknown ids are omitted."""

    states: dict[str, State]


class ArtifactBody(WireModel):
    """A file that is stored for drivers."""

    sha256: str
    name: str
    size: int
