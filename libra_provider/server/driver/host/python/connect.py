"""Spark Connect inside the shared driver: another way into the sessions that SQL statements use.

It starts with the first ``python`` statement, so that whoever runs SQL only pays nothing for it.
"""

# ruff: noqa: SLF001  # pyspark has no public names for its way into the JVM

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
    """How one child gets into *session*: with a user id, and a session id, of its own."""

    session: SparkSession
    user: str = field(default_factory=lambda: uuid.uuid4().hex)
    session_id: str = ""


class Connect:
    """The Connect server in the JVM of *spark*; whoever has ``token`` may do what Libra may."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._lock = threading.Lock()
        self._java: Any = None
        self._properties: Any = None
        self.token = secrets.token_urlsafe(32)

    def address(self, door: ConnectAccess) -> str:
        """What a client of *door* connects to; another one when its session id was used up.

        An id ends with ``release_session``; the session itself does not.
        """
        sessions = self._service().sessionManager()
        if not sessions.getIsolatedSessionIfPresent(self._key(door)).isDefined():
            door.session_id = str(uuid.uuid4())
            sessions.registerExistingSession(
                door.user, door.session_id, door.session._jsparkSession
            )
        # Only the name "localhost" lets a client send its token without TLS.
        where = f"sc://localhost:{self._service().localPort()}"
        return f"{where}/;user_id={door.user};session_id={door.session_id}"

    def begin(self, door: ConnectAccess, *, pool: str, group: str) -> None:
        """From now on, jobs of *door* run in this pool and this job group."""
        self._service()
        properties = self._jvm.java.util.HashMap()
        properties.put("spark.scheduler.pool", pool)
        properties.put("spark.jobGroup.id", group)
        self._properties.put(door.user, properties)

    def end(self, door: ConnectAccess) -> None:
        """Jobs of *door* belong to no statement any more."""
        self._properties.remove(door.user)

    def interrupt(self, door: ConnectAccess) -> None:
        """Stop what *door* runs, in each session that its client may have made."""
        for holder in self._holders(door):
            holder.interruptAll()

    def close(self, door: ConnectAccess) -> None:
        """Stop what *door* runs, and let nobody in by it any more."""
        if self._java is None:
            return
        self.end(door)
        sessions = self._service().sessionManager()
        for holder in self._holders(door):
            sessions.closeSession(holder.key(), False)

    def frame(self, door: ConnectAccess, relation: bytes) -> DataFrame:
        """The DataFrame whose plan a client of *door* has serialized."""
        jvm, nothing = self._jvm, self._jvm.scala.Option.empty()
        holder = self._service().sessionManager().getIsolatedSession(self._key(door), nothing)
        planner = jvm.org.apache.spark.sql.connect.planner.SparkConnectPlanner(holder, nothing)
        plan = planner.transformRelation(
            jvm.org.apache.spark.connect.proto.Relation.parseFrom(relation)
        )
        rows = self._module(_DATASET).ofRows(door.session._jsparkSession, plan)
        return DataFrame(rows, door.session)

    def _holders(self, door: ConnectAccess) -> list[Any]:
        sessions = self._service().sessionManager()
        nothing = self._jvm.scala.Option.empty()
        known = self._jvm.scala.jdk.javaapi.CollectionConverters.asJava(
            sessions.listActiveSessions()
        )
        keys = [
            self._key_of(door.user, each.sessionId())
            for each in known
            if each.userId() == door.user
        ]
        return [sessions.getIsolatedSession(key, nothing) for key in keys]

    def _key(self, door: ConnectAccess) -> Any:
        return self._key_of(door.user, door.session_id)

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
        # Spark looks for the interceptor there.
        thread.setContextClassLoader(interceptor.getClassLoader())
        try:
            service.start(self._context)
        finally:
            thread.setContextClassLoader(spark_classes)
            # Later sessions take their settings from here, and SQL can read them.
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
