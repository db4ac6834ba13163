"""A connection of type ``libra`` becomes a client of Libra."""

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
from libra_provider.core.libra_rules import check_statement, why_isolated
from libra_provider.core.masking import MASK
from libra_provider.core.status import JobStatus
from libra_provider.hooks.artifacts import ArtifactHook
from libra_provider.hooks.base import address, scheme

# For ``:name`` or for ``?`` in SQL.
Parameters: TypeAlias = Mapping[str, Any] | Sequence[Any] | None


class LibraHook(ArtifactHook):
    """
    Submit statements of any kind to Libra, ask how they stand, stop them, and fetch what they give.

    Every verb has a twin for event loops, with an ``a`` before its name. All raise ServerError;
    what a Libra of the old contract does not have is NotOffered.

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
        """Take session and pool from *connection*; its one address."""
        if not connection.host:
            raise BadInput("host", connection.host, f"connection {self.connection_id} needs one")
        extra = connection.extra_dejson
        self.session, self.pool_name = extra.get("session"), extra.get("pool")
        url = f"{scheme(connection)}://{connection.host}:{connection.port or self.default_port}"
        token = BearerToken(connection.password)
        return [address(connection, url, authorization=token)]

    def greet(self) -> None:
        """Make sure that this is Libra, and find out which contract it knows."""
        self._run(self._contract.known)

    def finds_again(self) -> bool:
        """Yes, but for a Libra of the old contract, which would run the statement again."""
        return not self._run(self._contract.known).is_old

    def find(self, sought: TagQuery) -> TagMatches:
        """The statement of this tag; NotOffered by a Libra of the old contract."""
        return _carriers(self.statements(key=sought.tag))

    async def afind(self, sought: TagQuery) -> TagMatches:
        """The statement of this tag, for event loops."""
        return _carriers(await self.astatements(key=sought.tag))

    def by_hand(self, tag: str) -> str:  # noqa: ARG002 - an old Libra has not seen it
        """What is left with a Libra of the old contract."""
        return "look whether its work was done, and clear the task to run it again"

    def mode_of(self, job: SparkJob) -> Mode:
        """Whose driver runs *job*: the shared one, unless *job* needs a dedicated one."""
        return Mode.ISOLATED if why_isolated(job) else Mode.SHARED

    def main_class(self, job: SparkJob) -> None:
        """None: statements are found by their key."""

    def complete(self, job: SparkJob) -> SparkJob:
        """*job* with the connection's session and pool; BadInput for what Libra does not take.

        Python gets a session of its own where none is named: it would otherwise wait for whoever
        else named none, and find their variables.
        """
        self.client()  # it reads session and pool
        check_statement(job)
        if why_isolated(job):
            return job
        own = OWN_SESSION if job.kind is Kind.PYTHON else None
        session, pool = job.session or self.session or own, job.pool_name or self.pool_name
        return job.trusted(session=session, pool_name=pool)

    def submit_completed(self, job: SparkJob, tag: str) -> JobStatus:
        """Have *job* accepted once under *tag*; the same tag finds the same statement again.

        A Libra of the old contract answers when the statement is over, with its result as text.
        """
        return self._run(lambda: self._contract.submit(job, tag))

    async def asubmit(self, job: SparkJob, tag: str) -> JobStatus:
        """Have *job* accepted once under *tag*, for event loops."""
        await self.aclient()  # it reads session and pool
        complete = self.complete(job)
        return await self._arun(lambda: self._contract.submit(complete, tag))

    def run(
        self, work: SparkJob | str, parameters: Parameters = None, *, tag: str | None = None
    ) -> Any:
        """Run *work*, a job or a text of SQL, to its end; what :meth:`result` gives of it.

        A small result comes by the same request. A WrittenResult says where rows were written; at a
        Libra of the old contract it is a text. Raises the JobError of any end but success. Should
        the caller be interrupted, the statement runs on; the same *tag* finds it again.
        """
        return self._run(lambda: self._to_its_end(work, parameters, tag)).as_python()

    async def arun(
        self, work: SparkJob | str, parameters: Parameters = None, *, tag: str | None = None
    ) -> Any:
        """Run *work*, a job or a text of SQL, to its end, for event loops."""
        return (await self._arun(lambda: self._to_its_end(work, parameters, tag))).as_python()

    def status(self, job_id: str, *, wait: float = 0) -> JobStatus:
        """Where statement *job_id* stands: now, at its end, or when *wait* seconds are over."""
        return self._ask(statements.status(job_id, wait=wait))

    async def astatus(self, job_id: str, *, wait: float = 0) -> JobStatus:
        """Where statement *job_id* stands, for triggers."""
        return await self._aask(statements.status(job_id, wait=wait))

    def statuses(self, job_ids: Sequence[str]) -> list[JobStatus]:
        """Where each of *job_ids* stands, in their order, by one request; unknown ones are LOST."""
        return self._ask(statements.statuses(job_ids))

    async def astatuses(self, job_ids: Sequence[str]) -> list[JobStatus]:
        """Where each of *job_ids* stands, for triggers."""
        return await self._aask(statements.statuses(job_ids))

    def view(self, job_id: str, *, with_log: bool = True) -> StatementView:
        """A view of statement *job_id*: how it stands, and what it prints."""
        return StatementView(job_id, self._contract, with_log=with_log)

    def group(self) -> StatementGroup:
        """Statements that are watched together."""
        return StatementGroup(self._contract)

    def logs(self, job_id: str, *, stream: str = "stdout", offset: int = 0) -> LogPiece:
        """What statement *job_id* has written to *stream* from *offset* on; raises JobLost.

        Ask again from ``next_offset`` on until it is ``complete``.
        """
        return self._ask(logs.log(job_id, stream=stream, offset=offset))

    async def alogs(self, job_id: str, *, stream: str = "stdout", offset: int = 0) -> LogPiece:
        """What statement *job_id* has written to *stream*, for event loops."""
        return await self._aask(logs.log(job_id, stream=stream, offset=offset))

    def kill(self, job_id: str) -> str:
        """Stop statement *job_id*; the answer is the state in which it was found."""
        return self._ask(statements.kill(job_id)).state

    async def akill(self, job_id: str) -> str:
        """Stop statement *job_id*, for triggers."""
        return (await self._aask(statements.kill(job_id))).state

    def statements(self, **filters: Any) -> list[ListedStatement]:
        """Statements that Libra remembers, the latest first.

        :param filters: ``state`` (a JobState), ``session``, ``pool``, ``kind``, ``tag`` (its name
            and its value), ``key`` (the tag of its submission), ``offset``, ``limit`` (100).
        """
        return self._ask(statements.statements(**filters))

    async def astatements(self, **filters: Any) -> list[ListedStatement]:
        """Statements that Libra remembers, for event loops."""
        return await self._aask(statements.statements(**filters))

    def result(self, job_id: str) -> Any:
        """Every row of statement *job_id* as a dict, with Python's values; raises JobLost.

        A Python statement may have come to a value instead: that, as JSON has it. Raises BadInput
        for a result with two columns of one name: a dict would drop one of them.
        """
        return self.page(job_id).as_python()

    async def aresult(self, job_id: str) -> Any:
        """Every row of statement *job_id*, or its value, for event loops."""
        return (await self.apage(job_id)).as_python()

    def page(self, job_id: str) -> ResultPage | ResultValue:
        """Every row as JSON carries it: exact numbers and moments as text, binary as base64.

        Or the value to which a Python statement came.
        """
        return self._run(lambda: paging.all_rows(self._contract, job_id))

    async def apage(self, job_id: str) -> ResultPage | ResultValue:
        """Every row as JSON carries it, for event loops."""
        return await self._arun(lambda: paging.all_rows(self._contract, job_id))

    def value(self, job_id: str) -> Any:
        """The value of statement *job_id*; BadInput for rows that are not one, of one column."""
        return _value(self._ask(results.result(job_id, limit=1)))

    async def avalue(self, job_id: str) -> Any:
        """The value of statement *job_id*, for event loops."""
        return _value(await self._aask(results.result(job_id, limit=1)))

    def arrow(self, job_id: str, **limits: int) -> Any:
        """Every row of statement *job_id* as a pyarrow.Table; NotInstalled without pyarrow.

        :param limits: ``most_bytes`` that may come, 1 GiB unless asked otherwise.
        """
        return self._ask(results.arrow(job_id, **limits))

    async def aarrow(self, job_id: str, **limits: int) -> Any:
        """Every row of statement *job_id* as a pyarrow.Table, for event loops."""
        return await self._aask(results.arrow(job_id, **limits))

    def pandas(self, job_id: str, **limits: int) -> Any:
        """Every row of statement *job_id* as a pandas.DataFrame; NotInstalled without pandas."""
        return self._ask(results.pandas(job_id, **limits))

    async def apandas(self, job_id: str, **limits: int) -> Any:
        """Every row of statement *job_id* as a pandas.DataFrame, for event loops."""
        return await self._aask(results.pandas(job_id, **limits))

    def written(self, job_id: str) -> WrittenResult:
        """Where statement *job_id* wrote its rows; it was submitted with a ``result_path``."""
        return self._ask(results.written(job_id))

    async def awritten(self, job_id: str) -> WrittenResult:
        """Where statement *job_id* wrote its rows, for event loops."""
        return await self._aask(results.written(job_id))

    def estimate(self, sql: str, parameters: Parameters = None) -> Estimate:
        """What *sql* would return, by Spark's statistics; it is not run."""
        return self._run(lambda: self._estimate(sql, parameters))

    async def aestimate(self, sql: str, parameters: Parameters = None) -> Estimate:
        """What *sql* would return, for event loops."""
        return await self._arun(lambda: self._estimate(sql, parameters))

    def sessions(self) -> list[Session]:
        """The sessions that are open."""
        return self._ask(server.sessions())

    async def asessions(self) -> list[Session]:
        """The sessions that are open, for event loops."""
        return await self._aask(server.sessions())

    def close_session(self, name: str) -> None:
        """Close session *name*: its temporary views and settings are gone."""
        self._ask(server.close_session(name))

    async def aclose_session(self, name: str) -> None:
        """Close session *name*, for event loops."""
        await self._aask(server.close_session(name))

    def health(self) -> Health:
        """What Libra and its Spark say of themselves."""
        return self._ask(server.health())

    async def ahealth(self) -> Health:
        """What Libra and its Spark say of themselves, for event loops."""
        return await self._aask(server.health())

    def examine(self) -> CheckReport:
        """From the name of the host to the queue; raises BadInput."""
        return check_libra(self.client().addresses[0])

    def _to_its_end(
        self, work: SparkJob | str, parameters: Parameters, tag: str | None
    ) -> Dialogue[Returned]:
        if isinstance(work, str):
            work = SparkJob(kind=Kind.SQL, code=work, parameters=parameters)
        elif parameters is not None:
            raise BadInput("parameters", MASK, "the job has its own")
        return run.run(self._contract, self.complete(work), tag or new_tag())

    def _estimate(self, sql: str, parameters: Any) -> Dialogue[Estimate]:
        call = server.estimate(sql, parameters=parameters, session=self.session)
        return self._contract.asked(call)


def _carriers(found: Sequence[ListedStatement]) -> TagMatches:
    return TagMatches(carriers=[each.status.job_id for each in found])


def _value(found: ResultPage | ResultValue) -> Any:
    if isinstance(found, ResultValue):
        return found.value
    return next(iter(found.only_value().as_python()[0].values()))
