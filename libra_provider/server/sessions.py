"""The named sessions of the shared driver, each with its own temp views and SQL settings."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime

from libra_provider.core.errors import BadInput
from libra_provider.core.patience import utc_now
from libra_provider.server.problems import UnknownSession

DEFAULT_SESSION = "default"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")


@dataclass(frozen=True, slots=True)
class Session:
    """A session and when it was last given work."""

    name: str
    created_at: datetime
    last_activity: datetime


class Sessions:
    """Which sessions there are; a session exists from its first statement on."""

    def __init__(self) -> None:
        self._known: dict[str, Session] = {}
        self.touch(DEFAULT_SESSION)

    def touch(self, name: str) -> Session:
        """The session, its last activity being now; raises BadInput for what is no name."""
        if not _NAME.fullmatch(name):
            raise BadInput("session", name, "a name has 1 to 128 of the characters A-Za-z0-9._-")
        now = utc_now()
        session = replace(self._known.get(name, Session(name, now, now)), last_activity=now)
        self._known[name] = session
        return session

    def get(self, name: str) -> Session:
        """The session; raises UnknownSession."""
        if name not in self._known:
            raise UnknownSession(
                f"There is no session {name!r}; a session begins with its first statement."
            )
        return self._known[name]

    def all(self) -> list[Session]:
        """Every session, oldest first."""
        return list(self._known.values())

    def close(self, name: str) -> None:
        """Forget the session; raises UnknownSession, and BadInput for the default one."""
        if name == DEFAULT_SESSION:
            raise BadInput("session", name, "the default session cannot be closed")
        self.get(name)
        del self._known[name]
