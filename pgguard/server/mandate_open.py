"""Opening a mandate: everything in one transaction, the proof, and only then the login.

Killed at any point there is nothing, or a role that cannot log in, or the proved whole: a rerun finishes it,
`close` removes it.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg

from pgguard.errors import ApplyStopped, PgguardError
from pgguard.model.quote import ident
from pgguard.server.mandate_close import close_mandate
from pgguard.server.mandate_proof import prove
from pgguard.server.refusal import passes, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pgguard.model.mandate_scope import Scope
    from pgguard.server.connect import Target
    from pgguard.server.mandate_proof import Proof

_ATTEMPTS = 5
_PAUSE_SECONDS = 0.5


def open_mandate(
    target: Target,
    scope: Scope,
    opening: Sequence[str],
    entering: Sequence[str],
    *,
    timeout_seconds: int = 0,
    say: Callable[[str], None],
) -> Proof:
    """Run the statements that make the role and what it reads, prove it, and let it log in.

    Raises `ConnectError`; `ApplyStopped` when a statement is refused (nothing is changed then) or the proof
    fails (it is closed again then).
    """
    role = ident(scope.mandate.role)
    _transaction(target, scope.database, opening)
    say(f"{role} is there, with what it reads; now it is proved")
    try:
        proof = prove(target, scope, timeout_seconds=timeout_seconds)
        reasons = list(proof.reasons)
    except PgguardError as error:
        reasons = [str(error)]
    if reasons:
        why = "\n  ".join(["it was not proved that the role reads what was instructed:", *reasons])
        try:
            close_mandate(target, scope.mandate, say=lambda _: None)
        except PgguardError as error:
            msg = f"{why}\nand closing it was stopped, with the login closed: {error}"
            raise ApplyStopped(msg) from None
        msg = f"{why}\nit was closed again, and nothing of it is left"
        raise ApplyStopped(msg)
    how = "as the role itself" if proof.as_role else "by its privileges, for this login may not act as it"
    say(f"it reads exactly what was instructed, seen {how}")
    _transaction(target, scope.database, entering)
    say(f"{role} may log in")
    return proof


def _transaction(target: Target, database: str, statements: Sequence[str]) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        with closing(target.connect(database)) as connection:
            connection.read_only = False
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            try:
                for one in statements:
                    connection.execute(one.encode())
                connection.commit()
            except psycopg.Error as error:
                connection.rollback()
                if attempt < _ATTEMPTS and passes(error):
                    time.sleep(_PAUSE_SECONDS)
                    continue
                msg = f"{refusal(error)}; nothing was changed"
                raise ApplyStopped(msg) from None
            return
