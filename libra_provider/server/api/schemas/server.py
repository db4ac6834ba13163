"""What Libra says of itself: health, sessions, pools, estimates, problems."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from libra_provider import __version__
from libra_provider.core.units import readable_size
from libra_provider.server.api.schemas.base import Moment, SessionName, WireModel, local_time
from libra_provider.server.driver.messages import DriverReady, EstimateResult
from libra_provider.server.model.pools import Pool
from libra_provider.server.model.sessions import DEFAULT_SESSION, Session
from libra_provider.server.model.statement import PoolQueue, State
from libra_provider.server.network_probe import NetworkFigures


class Problem(WireModel):
    """What went wrong, in one sentence (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    """What happened, to which id, and what to do next."""
    job_id: str | None = None
    """The statement that it is about, if any."""


class SessionBody(WireModel):
    """A session in the old contract's form; times are local to Libra's machine."""

    session_id: str
    app_id: str | None
    state: Literal["RUNNING", "STARTING"]
    master: str
    spark_version: str | None
    created_at: str | None
    last_activity: str | None

    @classmethod
    def of(cls, session: Session, facts: DriverReady | None, master: str) -> SessionBody:
        """*session* on the driver that *facts* describes."""
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
    """A FAIR pool, and who stands in line for it."""

    name: str
    weight: int
    min_share: int
    waiting: int
    running: int
    oldest_waiting_seconds: float

    @classmethod
    def of(cls, name: str, pool: Pool, queue: PoolQueue | None) -> PoolBody:
        """*pool* and its *queue*, None being an empty one."""
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
    """A query to weigh, with the temp views and settings of its session."""

    session: SessionName = DEFAULT_SESSION
    code: Annotated[str, Field(min_length=1, examples=["SELECT * FROM flights"])]
    parameters: dict[str, JsonValue] | list[JsonValue] | None = None


class EstimateReply(WireModel):
    """What Spark's optimizer expects of a query: null where it has no idea.

    ``readable`` is ``bytes`` in words, for people.
    """

    bytes: int | None
    rows: int | None
    guessed: bool
    """Some table has no statistics of its own, so the numbers are a guess."""
    readable: str | None

    @classmethod
    def of(cls, estimated: EstimateResult) -> EstimateReply:
        """The answer that *estimated* gives."""
        size = estimated.bytes
        return cls(
            bytes=size,
            rows=estimated.rows,
            guessed=estimated.guessed,
            readable=None if size is None else readable_size(size),
        )


class StatesRequest(WireModel):
    """Ids whose states are all that is asked for."""

    job_ids: list[str] = Field(max_length=10_000)


class StatesReply(WireModel):
    """How those statements stand that are known, by id; the others are left out."""

    states: dict[str, State]


class ArtifactBody(WireModel):
    """A file that is kept for drivers."""

    sha256: str
    name: str
    size: int


class SparkBody(WireModel):
    """A driver that takes statements."""

    version: str
    application_id: str
    master: str | None
    status: Literal["CONNECTED"] = "CONNECTED"
    active_sessions: str
    """A number, as text: so it is in the old contract."""


class NoSparkBody(WireModel):
    """Why there is no driver."""

    status: Literal["ERROR"] = "ERROR"
    error: str


class NetworkBody(WireModel):
    """The way between Libra's driver and its cluster, as Libra has measured it."""

    round_trip_seconds: float
    bandwidth_bits: float | None
    """Bits per second."""
    measured_at: Moment

    @classmethod
    def of(cls, network: NetworkFigures) -> NetworkBody:
        """*network* on the wire."""
        return cls(
            round_trip_seconds=network.round_trip,
            bandwidth_bits=network.bandwidth,
            measured_at=network.measured_at,
        )


class HealthBody(WireModel):
    """The old contract's health, with Libra's version, the driver's epoch, and the network."""

    status: Literal["UP"] = "UP"
    service: Literal["whereq-libra"] = "whereq-libra"
    version: str = __version__
    epoch: int | None
    catalog: str | None
    """``in-memory`` catalogs forget their tables when the driver ends."""
    spark: SparkBody | NoSparkBody
    network: NetworkBody | None
    """None until it is measured, and without a cluster."""


class AliveBody(WireModel):
    """The API answers."""

    status: Literal["alive"] = "alive"


class ReadyBody(WireModel):
    """A statement would start now."""

    status: Literal["ready"] = "ready"
    epoch: int
