"""Spark Connect inside the shared driver: a second access to the sessions of SQL statements.

It starts with the first ``python`` statement, so that it costs nothing for SQL only.
"""

# ruff: noqa: SLF001  # pyspark has no public names for its access to the JVM

from __future__ import annotations

import secrets
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from libra_provider.server.driver.host.jvm.java_sources import loaded

_INTERCEPTOR = "libra.StatementProperties"
_TOKEN_KEY = "spark.connect.authenticate.token"  # noqa: S105  # it is the name of a property
_SERVICE = "org.apache.spark.sql.connect.service.SparkConnectService$"
_DATASET = "org.apache.spark.sql.classic.Dataset$"


@dataclass(slots=True)
class ConnectAccess:
    """How one child accesses *session*: with its own user id and session id."""

    session: SparkSession
    user: str = field(default_factory=lambda: uuid.uuid4().hex)
    session_id: str = ""


class Connect:
    """The Connect server in the JVM of *spark*; ``token`` gives access to all that Libra may do."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._lock = threading.Lock()
        self._java: Any = None
        self._properties: Any = None
        self.token = secrets.token_urlsafe(32)

    def address(self, access: ConnectAccess) -> str:
        """Return the address for a client of *access*; its session id is new if the last one ended.

        ``release_session`` ends an id, but not the session itself.
        """
        sessions = self._service().sessionManager()
        if not sessions.getIsolatedSessionIfPresent(self._key(access)).isDefined():
            access.session_id = str(uuid.uuid4())
            sessions.registerExistingSession(
                access.user, access.session_id, access.session._jsparkSession
            )
        # Only the name "localhost" lets a client send its token without TLS.
        where = f"sc://localhost:{self._service().localPort()}"
        return f"{where}/;user_id={access.user};session_id={access.session_id}"

    def begin(self, access: ConnectAccess, *, pool: str, group: str) -> None:
        """Run jobs of *access* in this pool and this job group from now on."""
        self._service()
        properties = self._jvm.java.util.HashMap()
        properties.put("spark.scheduler.pool", pool)
        properties.put("spark.jobGroup.id", group)
        self._properties.put(access.user, properties)

    def end(self, access: ConnectAccess) -> None:
        """Run later jobs of *access* for no statement."""
        self._properties.remove(access.user)

    def interrupt(self, access: ConnectAccess) -> None:
        """Stop the jobs of *access*, in each session that its client may have created."""
        for holder in self._holders(access):
            holder.interruptAll()

    def close(self, access: ConnectAccess) -> None:
        """Stop the jobs of *access*, and end its access."""
        if self._java is None:
            return
        self.end(access)
        sessions = self._service().sessionManager()
        for holder in self._holders(access):
            sessions.closeSession(holder.key(), False)

    def frame(self, access: ConnectAccess, relation: bytes) -> DataFrame:
        """Return the DataFrame whose plan a client of *access* has serialized."""
        jvm, nothing = self._jvm, self._jvm.scala.Option.empty()
        holder = self._service().sessionManager().getIsolatedSession(self._key(access), nothing)
        planner = jvm.org.apache.spark.sql.connect.planner.SparkConnectPlanner(holder, nothing)
        plan = planner.transformRelation(
            jvm.org.apache.spark.connect.proto.Relation.parseFrom(relation)
        )
        rows = self._module(_DATASET).ofRows(access.session._jsparkSession, plan)
        return DataFrame(rows, access.session)

    def _holders(self, access: ConnectAccess) -> list[Any]:
        sessions = self._service().sessionManager()
        nothing = self._jvm.scala.Option.empty()
        known = self._jvm.scala.jdk.javaapi.CollectionConverters.asJava(
            sessions.listActiveSessions()
        )
        keys = [
            self._key_of(access.user, each.sessionId())
            for each in known
            if each.userId() == access.user
        ]
        return [sessions.getIsolatedSession(key, nothing) for key in keys]

    def _key(self, access: ConnectAccess) -> Any:
        return self._key_of(access.user, access.session_id)

    def _key_of(self, user: str, session_id: str) -> Any:
        return self._jvm.org.apache.spark.sql.connect.service.SessionKey(user, session_id)

    @property
    def _context(self) -> Any:
        return self._spark.sparkContext._jsc.sc()

    @property
    def _jvm(self) -> Any:
        return self._spark._jvm

    def _module(self, name: str) -> Any:
        return getattr(getattr(self._jvm, name), "MODULE$")

    def _service(self) -> Any:
        with self._lock:
            if self._java is None:
                self._java = self._start()
            return self._java

    def _start(self) -> Any:
        interceptor = loaded(self._spark, _INTERCEPTOR)
        interceptor.getField("context").set(None, self._context)
        self._properties = interceptor.getField("OF_USER").get(None)
        thread = self._jvm.java.lang.Thread.currentThread()
        spark_classes = thread.getContextClassLoader()
        for key, value in self._settings().items():
            self._context.conf().set(key, value)
        service = self._module(_SERVICE)
        # Spark loads the interceptor from there.
        thread.setContextClassLoader(interceptor.getClassLoader())
        try:
            service.start(self._context)
        finally:
            thread.setContextClassLoader(spark_classes)
            # Later sessions copy these settings, and SQL can read them.
            self._context.conf().remove(_TOKEN_KEY)
        return service

    def _settings(self) -> Mapping[str, str]:
        return {
            "spark.connect.grpc.binding.address": "127.0.0.1",
            "spark.connect.grpc.binding.port": "0",
            _TOKEN_KEY: self.token,
            "spark.connect.grpc.interceptor.classes": _INTERCEPTOR,
            # Libra knows when a session is over.
            "spark.connect.session.manager.defaultSessionTimeout": "-1",
        }
