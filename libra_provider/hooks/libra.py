"""The hook for connections of type ``libra``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from airflow.sdk import Connection

from libra_provider.clients.doctor.checks import CheckReport
from libra_provider.clients.doctor.libra import check_libra
from libra_provider.clients.http.credentials import BearerToken
from libra_provider.clients.http.dialogue import Dialogue
from libra_provider.clients.http.transport import ServerAddress
from libra_provider.clients.libra import logs, paging, results, run, server, statements
from libra_provider.clients.libra.group import StatementGroup
from libra_provider.clients.libra.logs import LogPiece
from libra_provider.clients.libra.results import ResultPage, ResultValue, Returned, WrittenResult
from libra_provider.clients.libra.server import Estimate, Health, Session
from libra_provider.clients.libra.statements import ListedStatement
from libra_provider.clients.libra.view import StatementView
from libra_provider.clients.standalone.find_by_tag import TagQuery
from libra_provider.clients.submit_once import TagMatches
from libra_provider.core.errors import BadInput
from libra_provider.core.job import OWN_SESSION, Backend, SparkJob, new_tag
from libra_provider.core.kinds import Kind, Mode
from libra_provider.core.masking import MASK
from libra_provider.core.status import JobStatus
from libra_provider.hooks.artifacts import ArtifactHook
from libra_provider.hooks.base import address, scheme

# For ``:name`` or for ``?`` in SQL.
Parameters: TypeAlias = Mapping[str, Any] | Sequence[Any] | None


class LibraHook(ArtifactHook):
    """
    Submit statements to Libra, poll their status, kill them, and fetch their results.

    Each method has an async variant with the prefix ``a``. All raise ServerError; an old Libra that
    does not support a request raises NotOffered.

    :param libra_conn_id: a connection of type ``libra``: host, port (8990), schema (http or
        https), password (the bearer token); in the extra: ``verify`` (path of a CA file, or a
        boolean), ``timeout`` (seconds per request), ``session``, ``pool``; for LibraOperator
        ``locality`` (``auto``, ``same``, ``remote``) and ``policy`` (thresholds).
    """

    conn_name_attr = "libra_conn_id"
    default_conn_name = "libra_default"
    conn_type = "libra"
    hook_name = "Libra"
    backend = Backend.LIBRA
    default_port = 8990

    def __init__(self, libra_conn_id: str = default_conn_name) -> None:
        super().__init__(libra_conn_id)
        self.session: str | None = None
        self.pool_name: str | None = None

    def read(self, connection: Connection) -> list[ServerAddress]:
        """Read session and pool of *connection*; returns its only address."""
        if not connection.host:
            raise BadInput(
                "host", connection.host, f"connection {self.connection_id} requires a host"
            )
        extra = connection.extra_dejson
        self.session, self.pool_name = extra.get("session"), extra.get("pool")
        url = f"{scheme(connection)}://{connection.host}:{connection.port or self.default_port}"
        token = BearerToken(connection.password)
        return [address(connection, url, authorization=token)]

    def greet(self) -> None:
        """Check that this is Libra, and detect old versions."""
        self._run(self._contract.fetch_health)

    def finds_again(self) -> bool:
        """True, except for an old Libra, which would run the statement again."""
        return not self._run(self._contract.fetch_health).is_old

    def find(self, sought: TagQuery) -> TagMatches:
        """Find the statement with this tag; an old Libra raises NotOffered."""
        return _carriers(self.statements(key=sought.tag))

    async def afind(self, sought: TagQuery) -> TagMatches:
        """Find the statement with this tag, for event loops."""
        return _carriers(await self.astatements(key=sought.tag))

    def lookup_advice(self, tag: str) -> str:  # noqa: ARG002 - an old Libra has not seen it
        """Advice for an old Libra, which cannot find statements."""
        return "check whether its work was done, and clear the task to rerun it"

    def mode_of(self, job: SparkJob) -> Mode:
        """Whose driver runs *job*: the shared one, unless *job* needs a dedicated one."""
        return Mode.ISOLATED if job.why_isolated else Mode.SHARED

    def main_class(self, job: SparkJob) -> None:
        """None: statements are found by their key."""

    def complete(self, job: SparkJob) -> SparkJob:
        """*job* with the connection's session and pool; raises BadInput for an invalid job.

        Python without a session gets a private one. Otherwise it would share variables with all
        others without a session, and wait for them.
        """
        self.client()  # it reads session and pool
        job.check_for_libra()
        if job.why_isolated:
            return job
        own = OWN_SESSION if job.kind is Kind.PYTHON else None
        session, pool = job.session or self.session or own, job.pool_name or self.pool_name
        return job.trusted(session=session, pool_name=pool)

    def submit_completed(self, job: SparkJob, tag: str) -> JobStatus:
        """Submit *job* under *tag*; submitting the same tag again returns the same statement.

        An old Libra responds only when the statement ends, with its result as a string.
        """
        return self._run(lambda: self._contract.submit(job, tag))

    async def asubmit(self, job: SparkJob, tag: str) -> JobStatus:
        """Submit *job* under *tag*, for event loops."""
        await self.aclient()  # it reads session and pool
        complete = self.complete(job)
        return await self._arun(lambda: self._contract.submit(complete, tag))

    def run(
        self, work: SparkJob | str, parameters: Parameters = None, *, tag: str | None = None
    ) -> Any:
        """Run *work*, a job or SQL, to its end; returns the same as :meth:`result`.

        A small result needs no further request. If the rows were written, returns a WrittenResult;
        an old Libra returns a string. Raises JobError unless the job succeeds. If the caller is
        interrupted, the statement keeps running; the same *tag* finds it again.
        """
        return self._run(lambda: self._run_dialogue(work, parameters, tag)).as_python()

    async def arun(
        self, work: SparkJob | str, parameters: Parameters = None, *, tag: str | None = None
    ) -> Any:
        """Run *work*, a job or SQL, to its end, for event loops."""
        return (await self._arun(lambda: self._run_dialogue(work, parameters, tag))).as_python()

    def status(self, job_id: str, *, wait: float = 0) -> JobStatus:
        """Fetch the status of *job_id*; waits up to *wait* seconds for its end."""
        return self._ask(statements.status(job_id, wait=wait))

    async def astatus(self, job_id: str, *, wait: float = 0) -> JobStatus:
        """Fetch the status of *job_id*, for triggers."""
        return await self._aask(statements.status(job_id, wait=wait))

    def statuses(self, job_ids: Sequence[str]) -> list[JobStatus]:
        """Fetch the status of each of *job_ids* with one request; unknown ones are LOST."""
        return self._ask(statements.statuses(job_ids))

    async def astatuses(self, job_ids: Sequence[str]) -> list[JobStatus]:
        """Fetch the status of each of *job_ids*, for triggers."""
        return await self._aask(statements.statuses(job_ids))

    def view(self, job_id: str, *, with_log: bool = True) -> StatementView:
        """A view of statement *job_id*: its status and its output."""
        return StatementView(job_id, self._contract, with_log=with_log)

    def group(self) -> StatementGroup:
        """A group for polling many statements."""
        return StatementGroup(self._contract)

    def logs(self, job_id: str, *, stream: str = "stdout", offset: int = 0) -> LogPiece:
        """Fetch the output of *job_id* on *stream* from *offset* on; raises JobLost.

        Repeat with ``next_offset`` until it is ``complete``.
        """
        return self._ask(logs.log(job_id, stream=stream, offset=offset))

    async def alogs(self, job_id: str, *, stream: str = "stdout", offset: int = 0) -> LogPiece:
        """Fetch the output of *job_id* on *stream*, for event loops."""
        return await self._aask(logs.log(job_id, stream=stream, offset=offset))

    def kill(self, job_id: str) -> str:
        """Kill statement *job_id*; returns the state it was in."""
        return self._ask(statements.kill(job_id)).state

    async def akill(self, job_id: str) -> str:
        """Kill statement *job_id*, for triggers."""
        return (await self._aask(statements.kill(job_id))).state

    def statements(self, **filters: Any) -> list[ListedStatement]:
        """List the statements in Libra's ledger, latest first.

        :param filters: ``state`` (a JobState), ``session``, ``pool``, ``kind``, ``tag`` (its name
            and its value), ``key`` (the tag of its submission), ``offset``, ``limit`` (100).
        """
        return self._ask(statements.statements(**filters))

    async def astatements(self, **filters: Any) -> list[ListedStatement]:
        """List the statements in Libra's ledger, for event loops."""
        return await self._aask(statements.statements(**filters))

    def result(self, job_id: str) -> Any:
        """Fetch all rows of *job_id* as dicts with Python values, or its value; raises JobLost.

        Raises BadInput for a result with duplicate column names, since a dict would drop one.
        """
        return self.page(job_id).as_python()

    async def aresult(self, job_id: str) -> Any:
        """Fetch all rows of *job_id*, or its value, for event loops."""
        return (await self.apage(job_id)).as_python()

    def page(self, job_id: str) -> ResultPage | ResultValue:
        """Fetch all rows as JSON: exact numbers and timestamps as strings, binary as base64.

        A Python statement may have a value instead.
        """
        return self._run(lambda: paging.all_rows(self._contract, job_id))

    async def apage(self, job_id: str) -> ResultPage | ResultValue:
        """Fetch all rows as JSON, for event loops."""
        return await self._arun(lambda: paging.all_rows(self._contract, job_id))

    def value(self, job_id: str) -> Any:
        """Fetch the value of *job_id*; raises BadInput unless it has one row and one column."""
        return _value(self._ask(results.result(job_id, limit=1)))

    async def avalue(self, job_id: str) -> Any:
        """Fetch the value of *job_id*, for event loops."""
        return _value(await self._aask(results.result(job_id, limit=1)))

    def arrow(self, job_id: str, **limits: int) -> Any:
        """Fetch all rows of *job_id* as a pyarrow.Table; NotInstalled without pyarrow.

        :param limits: ``most_bytes``, the maximum size (1 GiB).
        """
        return self._ask(results.arrow(job_id, **limits))

    async def aarrow(self, job_id: str, **limits: int) -> Any:
        """Fetch all rows of *job_id* as a pyarrow.Table, for event loops."""
        return await self._aask(results.arrow(job_id, **limits))

    def pandas(self, job_id: str, **limits: int) -> Any:
        """Fetch all rows of *job_id* as a pandas.DataFrame; NotInstalled without pandas."""
        return self._ask(results.pandas(job_id, **limits))

    async def apandas(self, job_id: str, **limits: int) -> Any:
        """Fetch all rows of *job_id* as a pandas.DataFrame, for event loops."""
        return await self._aask(results.pandas(job_id, **limits))

    def written(self, job_id: str) -> WrittenResult:
        """Fetch where statement *job_id*, submitted with ``result_path``, wrote its rows."""
        return self._ask(results.written(job_id))

    async def awritten(self, job_id: str) -> WrittenResult:
        """Fetch where statement *job_id* wrote its rows, for event loops."""
        return await self._aask(results.written(job_id))

    def estimate(self, sql: str, parameters: Parameters = None) -> Estimate:
        """Estimate the result size of *sql* by Spark's statistics, without running it."""
        return self._run(lambda: self._estimate(sql, parameters))

    async def aestimate(self, sql: str, parameters: Parameters = None) -> Estimate:
        """Estimate the result size of *sql*, for event loops."""
        return await self._arun(lambda: self._estimate(sql, parameters))

    def sessions(self) -> list[Session]:
        """List the open sessions."""
        return self._ask(server.sessions())

    async def asessions(self) -> list[Session]:
        """List the open sessions, for event loops."""
        return await self._aask(server.sessions())

    def close_session(self, name: str) -> None:
        """Close session *name* and drop its temporary views and settings."""
        self._ask(server.close_session(name))

    async def aclose_session(self, name: str) -> None:
        """Close session *name*, for event loops."""
        await self._aask(server.close_session(name))

    def health(self) -> Health:
        """Fetch the health of Libra and its Spark driver."""
        return self._ask(server.health())

    async def ahealth(self) -> Health:
        """Fetch the health of Libra and its Spark driver, for event loops."""
        return await self._aask(server.health())

    def examine(self) -> CheckReport:
        """Check the connection step by step; raises BadInput."""
        return check_libra(self.client().addresses[0])

    def _run_dialogue(
        self, work: SparkJob | str, parameters: Parameters, tag: str | None
    ) -> Dialogue[Returned]:
        if isinstance(work, str):
            work = SparkJob(kind=Kind.SQL, code=work, parameters=parameters)
        elif parameters is not None:
            raise BadInput(
                "parameters", MASK, "cannot be combined with a job, which has its own parameters"
            )
        return run.run(self._contract, self.complete(work), tag or new_tag())

    def _estimate(self, sql: str, parameters: Any) -> Dialogue[Estimate]:
        call = server.estimate(sql, parameters=parameters, session=self.session)
        return self._contract.send(call)


def _carriers(found: Sequence[ListedStatement]) -> TagMatches:
    return TagMatches(carriers=[each.status.job_id for each in found])


def _value(found: ResultPage | ResultValue) -> Any:
    if isinstance(found, ResultValue):
        return found.value
    return next(iter(found.only_value().as_python()[0].values()))
