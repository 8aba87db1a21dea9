"""What a mandate's plan says besides its statements: scope, columns to look at, side doors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.model.plan import Section
from pgguard.model.quote import ident, qualified

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.mandate_scope import Count, Scope


def sections(scope: Scope, counts: Sequence[Count]) -> tuple[Section, ...]:
    """The sections of plan.md; `counts` are empty where nobody counted."""
    return tuple(_sections(scope, counts))


def _sections(scope: Scope, counts: Sequence[Count]) -> Iterator[Section]:
    mandate = scope.mandate
    known = {one.table: str(one.rows) for one in counts}
    yield Section(
        f"Mandate {mandate.name}",
        f"{mandate.purpose}. Contract {mandate.contract}, instructed by {mandate.instructed_by} on "
        f"{mandate.instructed_on}. Window {mandate.start} to {mandate.until}, at most {mandate.ceiling} rows "
        "of all tables together.",
        ("table", "columns", "form", "why", "rows", "at most", "read through"),
        tuple(
            (
                one.table + (f" (with {one.parts} parts)" if one.parts else ""),
                one.listed,
                one.form,
                one.why,
                known.get(one.table, "not counted"),
                str(one.ceiling) if one.ceiling is not None else "",
                qualified(*one.source(mandate.name)),
            )
            for one in scope.tables
        ),
    )
    looks = [(table.table, look) for table in scope.tables for look in table.looks]
    if looks:
        yield Section(
            "Columns that may hold more than was instructed",
            "Somebody has to look at them before anything is opened, and name them in `reviewed`.",
            ("column", "why", "reviewed"),
            tuple(
                (f"{table}.{ident(look.column)}", look.reason, "yes" if look.reviewed else "LOOK")
                for table, look in looks
            ),
        )
    if scope.doors:
        yield Section(
            "Side doors",
            "What the role reaches besides, as everybody does.",
            ("where", "what", "opened all the same"),
            tuple((one.name, one.reason, "NO" if one.refuses else "yes") for one in scope.doors),
        )
    if scope.refusals:
        yield Section(
            "Not opened", "As long as these hold.", ("reason",), tuple((one,) for one in scope.refusals)
        )
