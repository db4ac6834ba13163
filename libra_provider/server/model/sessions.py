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
    """A session and when it was last given work."""

    name: str
    created_at: datetime
    last_activity: datetime


def checked_name(name: str) -> str:
    """*name* if a session can have it; raises BadInput."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise BadInput("session", name, "a name has 1 to 128 of the characters A-Za-z0-9._-")
    return name


class Sessions:
    """Which sessions there are, *most* at a time; one exists from its first statement on."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: dict[str, Session] = {}
        self.touch(DEFAULT_SESSION)

    def touch(self, name: str) -> None:
        """The session is used now; raises TooManySessions for one more than there may be."""
        if name != OWN_SESSION and name not in self._known and len(self._known) >= self._most:
            sentence = (
                f"{self._most} sessions are open, which is as many as this Libra keeps"
                " (max_sessions); close one, or use a session that is open."
            )
            raise TooManySessions(sentence, retry_after=60)
        self.remember(name)

    def remember(self, name: str) -> None:
        """The same, also for one more than there may be: what waits in it is accepted."""
        if name == OWN_SESSION:
            return
        now = utc_now()
        known = self._known.get(name) or Session(name, now, now)
        self._known[name] = replace(known, last_activity=now)

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

    def idle(self, span: timedelta) -> Sequence[Session]:
        """Those that were given no work for *span*; the default session is never one of them."""
        latest = utc_now() - span
        others = (each for each in self._known.values() if each.name != DEFAULT_SESSION)
        return [each for each in others if each.last_activity <= latest]

    def closable(self, name: str) -> Session:
        """The session; raises UnknownSession, and BadInput for the default one."""
        if name == DEFAULT_SESSION:
            raise BadInput("session", name, "the default session cannot be closed")
        return self.get(name)

    def close(self, name: str) -> None:
        """Forget the session; raises what :meth:`closable` does."""
        del self._known[self.closable(name).name]
