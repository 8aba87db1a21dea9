"""What the server says of a statement that failed, without values that do not stand in the file itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.server.connect import said

if TYPE_CHECKING:
    import psycopg

# what may work a moment later (manual, Appendix A): lock_not_available, deadlock_detected,
# serialization_failure; and two who change the same row of a catalog, which has no code of its own
_PASSING = frozenset({"55P03", "40P01", "40001"})
_INTERNAL = "XX000"
_CONCURRENT = ("tuple concurrently updated", "tuple concurrently deleted")
_RAISED = "P0001"
# a DO block of the file; what a trigger raises comes from a function with a name
_OURS = "inline_code_block"
# data exceptions and violated constraints name values
_OF_VALUES = ("22", "23")


def refusal(error: psycopg.Error) -> str:
    """Why a statement failed, for people.

    The server's detail, hint and context are left out, and so is the message where it may hold a value of
    a row: of data exceptions, of violated constraints, and of what the site's own functions raise.
    """
    state = error.sqlstate or ""
    if state.startswith(_OF_VALUES):
        return f"the data does not allow it ({type(error).__name__}, {state})"
    if state == _RAISED and _OURS not in (error.diag.context or "").partition("\n")[0]:
        return f"a trigger or function of the database refused it ({state}); the server's log says why"
    return said(error)


def passes(error: psycopg.Error) -> bool:
    """Whether the same statement may work a moment later."""
    if error.sqlstate == _INTERNAL:
        return any(text in said(error) for text in _CONCURRENT)
    return error.sqlstate in _PASSING


def is_ours(error: psycopg.Error) -> bool:
    """Whether a DO block of the file itself raised it, as assertions and verifications do."""
    return error.sqlstate == _RAISED and _OURS in (error.diag.context or "").partition("\n")[0]
