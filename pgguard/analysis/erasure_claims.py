"""What may be said of erased values, place by place: gone only where what was done proves it.

Held to a search of the files: tests/server/test_erase_files.py plants values, erases by each method and
looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.erasure import Claim

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.erasure import Done, Files, State

_SPACE = (
    "VACUUM gave the space back to the table, and its bytes stay in the file until they are written over: "
    "--rewrite "
    "(VACUUM FULL) writes the file anew"
)
_DEAD = "the old versions of the rows are there until VACUUM removes them"
_SEEN = (
    "a transaction or a standby may still see the old rows, so that VACUUM has kept them: end it, and run "
    "this again"
)


def claims(done: Done) -> Iterator[Claim]:
    """What is known of the files of one table."""
    yield _file(done, "rows", done.files_before.heap, done.files_after.heap)
    if done.files_before.toast or done.files_after.toast:
        yield _file(done, "TOAST", done.files_before.toast, done.files_after.toast)
    if done.files_before.indexes or done.files_after.indexes:
        yield _file(done, "indexes", done.files_before.indexes, done.files_after.indexes)
    if done.statistics:
        names = ", ".join(done.statistics)
        yield Claim(
            done.table,
            "statistics",
            "there",
            f"the planner keeps values of {names}: only a superuser (from 18 on the owner) can remove them",
        )


def catalog_claim(*, rewritten: bool) -> Claim:
    """What is known of pg_statistic, whose dead rows keep what ANALYZE kept before."""
    if rewritten:
        return Claim("pg_catalog.pg_statistic", "rows", "gone", "it was written anew after the erasure")
    return Claim(
        "pg_catalog.pg_statistic",
        "rows",
        "maybe",
        "ANALYZE replaced its rows, and the old ones lie in its file: a superuser's --rewrite, or VACUUM "
        "FULL "
        "pg_catalog.pg_statistic",
    )


def _file(done: Done, place: str, before: int, after: int) -> Claim:
    state, why = _judged(done, before, after, place)
    if done.method == "crypto-erase" and state != "gone":
        why = f"as ciphertext, which its group's key opens as long as that key exists; {why}"
    return Claim(done.table, place, state, why)


def _judged(done: Done, before: int, after: int, place: str) -> tuple[State, str]:
    if not done.clear and (done.vacuumed or done.rewritten):
        return "there", _SEEN
    if done.rewritten:
        if _replaced(done.files_before, done.files_after):
            return "gone", "the file was replaced by a new one that holds the rows that are left"
        return "maybe", "the table was to be written anew, and it has the file that it had"
    if after == 0 and place != "indexes" and done.vacuumed:
        return "gone", "VACUUM cut the file to nothing"
    if done.left:
        return "there", f"{done.left} rows are still there that should have gone"
    if not done.vacuumed:
        return "there", _DEAD
    return "maybe", _SPACE


def _replaced(before: Files, after: Files) -> bool:
    return not set(before.nodes) & set(after.nodes)
