"""The named sessions of the shared driver, each with its own temp views and SQL settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from libra_provider.core.errors import BadInput
from libra_provider.core.job import OWN_SESSION
from libra_provider.core.polling import utc_now
from libra_provider.server.errors import TooManySessions, UnknownSession

DEFAULT_SESSION = "default"
NAME_PATTERN = r"[A-Za-z0-9._-]{1,128}"


@dataclass(frozen=True, slots=True)
class Session:
    """A session, and when it was last used."""

    name: str
    created_at: datetime
    last_activity: datetime


def checked_name(name: str) -> str:
    """Return *name* if it is valid for a session; raises BadInput."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise BadInput("session", name, "expected 1 to 128 of the characters A-Za-z0-9._-")
    return name


class Sessions:
    """The open sessions, at most *most*; one is opened by its first statement."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, Session] = {}
        self.touch(DEFAULT_SESSION)

    def touch(self, name: str) -> None:
        """Open the session, or mark it as used now; raises TooManySessions."""
        if name != OWN_SESSION and name not in self._known and len(self._known) >= self._most:
            sentence = (
                f"{self._most} sessions are open, which is the limit (max_sessions); close one, or"
                " use an open one."
            )
            raise TooManySessions(sentence, retry_after=60)
        self.remember(name)

    def remember(self, name: str) -> None:
        """Do the same without the limit: a statement in the session is accepted already."""
        if name == OWN_SESSION:
            return
        now = utc_now()
        known = self._known.get(name) or Session(name, now, now)
        self._known[name] = replace(known, last_activity=now)

    def get(self, name: str) -> Session:
        """Return the session; raises UnknownSession."""
        if name not in self._known:
            raise UnknownSession(
                f"Session {name!r} is not open; it is opened by its first statement."
            )
        return self._known[name]

    def all(self) -> list[Session]:
        """Return the open sessions, oldest first."""
        return list(self._known.values())

    def idle(self, span: timedelta) -> Sequence[Session]:
        """Return the sessions not used for *span*, without the default one."""
        latest = utc_now() - span
        others = (each for each in self._known.values() if each.name != DEFAULT_SESSION)
        return [each for each in others if each.last_activity <= latest]

    def closable(self, name: str) -> Session:
        """Return the session if it may be closed; raises UnknownSession, BadInput."""
        if name == DEFAULT_SESSION:
            raise BadInput("session", name, "the default session cannot be closed")
        return self.get(name)

    def close(self, name: str) -> None:
        """Close the session; raises what :meth:`closable` does."""
        del self._known[self.closable(name).name]
