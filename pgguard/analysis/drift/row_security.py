"""Row security: switched on or off, forced or not, and the policies that decide which rows are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.drift.comparison import paired, relations
from pgguard.analysis.drift.difference import Difference, Direction, narrowed
from pgguard.analysis.drift.sensitive import names
from pgguard.analysis.names import relation_name
from pgguard.model.finding import Severity
from pgguard.model.quote import grantee, ident

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.analysis.drift.comparison import Comparison, Pair
    from pgguard.model.rows import RowPolicy
    from pgguard.model.snapshot import DatabaseSnapshot


def switches(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Tables whose row security was switched. Needs relations and columns."""
    for old, new in relations(comparison, pair):
        if old is None or new is None:
            continue
        for was, now, word in (
            (old.row_security, new.row_security, "row security"),
            (old.force_row_security, new.force_row_security, "forced row security"),
        ):
            if was != now:
                direction = Direction.NARROWED if now else Direction.WIDENED
                yield _said(
                    comparison, pair, relation_name(new), f"has {'' if now else 'no '}{word} now", direction
                )


def policies(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Policies. Needs row_policies, relations, columns and definitions."""
    texts = _texts(pair.before), _texts(pair.after)
    known = catalog.relations(pair.before), catalog.relations(pair.after)
    renamed = {old.oid: relation_name(new) for old, new in relations(comparison, pair) if old and new}
    left = {old.oid for old, new in relations(comparison, pair) if old and new}

    def table(one: RowPolicy, side: int) -> str:
        relation = known[side].get(one.relation)
        name = relation_name(relation) if relation else "a table of the system"
        return renamed.get(one.relation, name) if side == 0 else name

    for was, now in paired(
        ((table(one, 0), one) for one in pair.before.row_policies if one.relation in left),
        ((table(one, 1), one) for one in pair.after.row_policies),
        lambda item: (item[0], item[1].name),
    ):
        row = now or was
        assert row is not None  # noqa: S101 - a pair has one side at least
        name, policy = row
        who = f"policy {ident(policy.name)}"
        # a permissive policy opens, a restrictive one closes
        if was is None:
            direction = Direction.WIDENED if policy.permissive else Direction.NARROWED
            yield _said(comparison, pair, name, f"has a new {who}", direction, tail=_told(policy))
        elif now is None:
            direction = Direction.NARROWED if policy.permissive else Direction.WIDENED
            yield _said(comparison, pair, name, f"has lost {who}", direction, tail=_told(policy))
        else:
            old, new = was[1], now[1]
            if _told(old) != _told(new):
                tail = f"{_told(new)} before: {_told(old)}"
                yield _said(comparison, pair, name, f"has another {who}", Direction.CHANGED, tail=tail)
            elif _conditions(texts[0], old) != _conditions(texts[1], new):
                yield _said(
                    comparison,
                    pair,
                    name,
                    f"has another condition in {who}",
                    Direction.CHANGED,
                    tail=_told(new),
                )


def _said(
    comparison: Comparison, pair: Pair, name: str, does: str, direction: Direction, *, tail: str = ""
) -> Difference:
    severity = narrowed(Severity.HIGH if name in names(comparison, pair) else Severity.MEDIUM, direction)
    return Difference(
        "row-security", direction, severity, "table", (name,), does, tail=tail, database=pair.name
    )


def _told(policy: RowPolicy) -> str:
    kind = "PERMISSIVE" if policy.permissive else "RESTRICTIVE"
    return f"({kind} FOR {policy.command} TO {', '.join(grantee(role) for role in sorted(policy.roles))})"


def _conditions(texts: Mapping[tuple[str, int], str], policy: RowPolicy) -> tuple[str | None, ...]:
    return tuple(texts.get((kind, policy.oid)) for kind in ("policy-using", "policy-check"))


def _texts(database: DatabaseSnapshot) -> Mapping[tuple[str, int], str]:
    return {
        (one.kind, one.oid): one.text
        for one in database.definitions
        if one.kind in ("policy-using", "policy-check")
    }
