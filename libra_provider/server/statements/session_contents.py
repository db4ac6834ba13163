"""What sessions hold in the shared driver that ends with it, and who must not run without it."""

from __future__ import annotations

from collections.abc import Sequence

from libra_provider.core.kinds import Kind
from libra_provider.server.driver.messages import PYTHON_VARIABLES, SessionHolds
from libra_provider.server.statements.active import ActiveStatement


class SessionContents:
    """By session, in words for people."""

    def __init__(self) -> None:
        self._held: dict[str, Sequence[str]] = {}

    def note(self, held: SessionHolds) -> None:
        """This is what the session holds now."""
        self._held[held.session] = held.what

    def suppose(self, live: ActiveStatement) -> None:
        """The driver ended while *live* ran: what it left in its session can only be supposed.

        Statements of Python run one after the other, so those behind it may count on it. Nobody
        could count on what SQL would do: its statements run side by side.
        """
        spec = live.statement.spec
        if spec.kind == Kind.PYTHON and not spec.has_own_session:
            known = self._held.get(spec.session, ())
            self._held[spec.session] = list(dict.fromkeys([*known, PYTHON_VARIABLES]))

    def missed_by(self, live: ActiveStatement) -> str:
        """What *live* would run without if its session were new; empty if nothing."""
        spec = live.statement.spec
        held = self._held.get(spec.session, ())
        # Only Python sees the variables of Python.
        seen = [each for each in held if each != PYTHON_VARIABLES or spec.kind == Kind.PYTHON]
        return " and ".join(seen)

    def clear(self) -> None:
        """The driver has ended: every session is new."""
        self._held.clear()
