"""What sessions hold that is lost with the shared driver, and which statements need it."""

from __future__ import annotations

from collections.abc import Sequence

from libra_provider.core.kinds import Kind
from libra_provider.server.driver.messages import PYTHON_VARIABLES, SessionHolds
from libra_provider.server.statements.tracked import ActiveStatement


class SessionContents:
    """What each session holds, in words."""

    def __init__(self) -> None:
        self._held: dict[str, Sequence[str]] = {}

    def note(self, held: SessionHolds) -> None:
        """Record what a session holds now."""
        self._held[held.session] = held.what

    def suppose(self, live: ActiveStatement) -> None:
        """Record what *live*, which ran when the driver ended, may have left in its session.

        Python statements of a session run one after the other, so later ones may rely on its
        variables. SQL statements run concurrently, so none can rely on another one.
        """
        spec = live.statement.spec
        if spec.kind == Kind.PYTHON and not spec.has_own_session:
            known = self._held.get(spec.session, ())
            self._held[spec.session] = list(dict.fromkeys([*known, PYTHON_VARIABLES]))

    def missed_by(self, live: ActiveStatement) -> str:
        """Return what *live* would miss in a new session, or an empty string."""
        spec = live.statement.spec
        held = self._held.get(spec.session, ())
        # Only Python sees the variables of Python.
        seen = [each for each in held if each != PYTHON_VARIABLES or spec.kind == Kind.PYTHON]
        return " and ".join(seen)

    def clear(self) -> None:
        """Forget everything: the driver has ended, and every session is new."""
        self._held.clear()
