"""What was found out about the columns: for a terminal, as JSON and as CSV. Never a value."""

from __future__ import annotations

import csv
import io
import json
from importlib.metadata import version
from typing import TYPE_CHECKING

from pgguard.analysis.catalog import relations
from pgguard.analysis.discovery import column_name
from pgguard.model.quote import ident, qualified
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.analysis.discovery import Difference
    from pgguard.model.classification import Classified, Evidence
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# a score between these is one to look at first: on the labelled schemas most mistakes lie there
UNSURE = (0.25, 0.75)
_REASONS = 3
_FIELDS = (
    "database",
    "schema",
    "table",
    "column",
    "type",
    "category",
    "sensitive",
    "sensitivity",
    "score",
    "decided_by",
    "why",
)


def render_csv(columns: Iterable[Classified]) -> str:
    """One line a column, with a header; of the evidence what counted most."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_FIELDS)
    for one in columns:
        writer.writerow(
            [
                one.database,
                one.relation.schema,
                one.relation.name,
                one.column.name,
                one.column.type,
                one.category,
                "yes" if one.sensitive else "no",
                one.sensitivity,
                f"{one.score:.2f}",
                one.decided_by,
                _why(one),
            ]
        )
    return text.getvalue()


def render_json(
    columns: Iterable[Classified], difference: Difference, snapshot: Snapshot, *, written: str
) -> str:
    """Every column with all its evidence, what changed against the policy, and what could not be read.

    `written` names the policy file that was changed, empty when none was.
    """
    document = {
        "tool": {"name": "pgguard", "version": version("pgguard")},
        "target": {
            "name": snapshot.target,
            "server_version": snapshot.server.version,
            "databases": [one.name for one in snapshot.inspected],
            "inspected_at": snapshot.server.now,
            "inspected_as": snapshot.server.inspected_as,
            "unread": [
                {"section": section, "database": database, "reason": reason}
                for database, section, reason in unread(snapshot)
            ],
        },
        "policy": {"written": written or None},
        "columns": [
            {
                "database": one.database,
                "name": column_name(one),
                "type": one.column.type,
                "category": one.category,
                "sensitive": one.sensitive,
                "sensitivity": one.sensitivity,
                "score": round(one.score, 2),
                "decided_by": one.decided_by,
                "evidence": [
                    {"kind": why.kind, "words": why.words, "weight": round(why.weight, 2)}
                    for why in one.evidence
                ],
            }
            for one in columns
        ],
        "changes": {
            "new": [_name(one) for one in difference.new],
            "changed": [{**_name(one.column), "before": one.before} for one in difference.changed],
            "gone": [{"database": one.database or None, "name": one.name} for _, one in difference.gone],
            "unknown": [
                {"database": one.database or None, "name": one.name, "nearest": near or None}
                for _, one, near in difference.unknown
            ],
            "disagreements": [
                {
                    **_name(now),
                    "decided": now.category,
                    "detected": said.category,
                    "score": round(said.score, 2),
                }
                for now, said in difference.disagreements
            ],
        },
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def render_terminal(
    columns: Sequence[Classified], difference: Difference, snapshot: Snapshot, *, written: str
) -> str:
    """What changed against the policy, table by table, those to look at first at the top.

    `written` names the policy file that was changed, empty when none was.
    """
    lines: list[str] = []
    unsure = [one for one in difference.new if UNSURE[0] < one.score < UNSURE[1]]
    clear = [one for one in difference.new if not UNSURE[0] < one.score < UNSURE[1]]
    lines += _section("Look at these first: the detector is not sure", unsure)
    lines += _section("New", clear)
    if difference.changed:
        lines += ["Changed", ""]
        for one in difference.changed:
            lines.append(
                f"  {_place(one.column)}: {one.before} -> {one.column.category}  ({_why(one.column)})"
            )
        lines.append("")
    if difference.gone:
        lines += ["Gone: their entries are no longer needed", ""]
        lines += [f"  {visible(_entry_place(one.database, one.name))}" for _, one in difference.gone]
        lines.append("")
    if difference.unknown:
        lines += ["The policy names columns that are not there", ""]
        for _, entry, near in difference.unknown:
            hint = f": did you mean {near}?" if near else ""
            lines.append(f"  {visible(_entry_place(entry.database, entry.name) + hint)}")
        lines.append("")
    for database, section, reason in unread(snapshot):
        lines.append(visible(f"not read: {section} of database {database}: {reason}"))
    lines.append(_summary(columns, difference, written))
    return "\n".join(lines) + "\n"


def unread(snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
    """What a classification needs and could not be read: database, section, reason."""
    for database in snapshot.inspected:
        for section, reason in database.missing().items():
            if section in _NEEDED:
                yield database.name, section, reason
        if any(one.unread for one in database.samples or ()):
            yield from _values_unread(database)


def _values_unread(database: DatabaseSnapshot) -> Iterator[tuple[str, str, str]]:
    tables = relations(database)
    reasons: dict[tuple[int, str], int] = {}
    for one in database.samples or ():
        if one.unread and one.relation in tables:
            reasons[one.relation, one.unread] = reasons.get((one.relation, one.unread), 0) + 1
    for (oid, reason), count in reasons.items():
        table = tables[oid]
        name = qualified(table.schema, table.name)
        yield database.name, f"values of {plural(count, 'column')} of {name}", reason


_NEEDED = frozenset({"relations", "columns", "constraints"})


def _section(title: str, columns: Sequence[Classified]) -> list[str]:
    if not columns:
        return []
    lines = [title, ""]
    widest = max(len(visible(ident(one.column.name))) for one in columns)
    kinds = max(len(one.category) for one in columns)
    table: tuple[str, int] | None = None
    for one in columns:
        if (one.database, one.relation.oid) != table:
            table = (one.database, one.relation.oid)
            lines.append(f"  {visible(_table(one))}")
        name = visible(ident(one.column.name))
        lines.append(f"    {name:<{widest}}  {one.category:<{kinds}}  {one.score:4.2f}  {_why(one)}")
    return [*lines, ""]


def _summary(columns: Sequence[Classified], difference: Difference, written: str) -> str:
    sensitive = [one for one in columns if one.sensitive]
    tables = {(one.database, one.relation.oid) for one in sensitive}
    parts = [
        f"{plural(len(columns), 'column')}, {len(sensitive)} sensitive in {plural(len(tables), 'table')}",
    ]
    moved = [
        f"{len(some)} {word}"
        for some, word in (
            (difference.new, "new"),
            (difference.changed, "changed"),
            (difference.gone, "gone"),
            (difference.rescored, "with another score"),
        )
        if some
    ]
    parts.append(", ".join(moved) if moved else "nothing changed")
    if difference.disagreements:
        parts.append(
            f"{plural(len(difference.disagreements), 'column')} decided otherwise by a person, as it stays"
        )
    if written:
        parts.append(f"written to {visible(written)}")
    elif not difference.is_empty:
        parts.append("nothing was written")
    return "; ".join(parts) + "."


def _why(one: Classified) -> str:
    told = sorted((why for why in one.evidence), key=_strength)[:_REASONS]
    return visible("; ".join(dict.fromkeys(why.words for why in told)))


def _strength(why: Evidence) -> float:
    return -abs(why.weight)


def _name(one: Classified) -> dict[str, str]:
    return {"database": one.database, "name": column_name(one), "category": one.category}


def _place(one: Classified) -> str:
    return visible(f"{ident(one.database)}: {column_name(one)}")


def _table(one: Classified) -> str:
    return f"{ident(one.database)}: {qualified(one.relation.schema, one.relation.name)}"


def _entry_place(database: str, name: str) -> str:
    return f"{ident(database)}: {name}" if database else name
