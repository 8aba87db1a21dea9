"""Where data goes to and comes from: publications, subscriptions, replication slots, foreign servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.drift.comparison import paired
from pgguard.analysis.drift.difference import Difference, Direction, listed, narrowed, plain
from pgguard.analysis.drift.sensitive import names
from pgguard.analysis.names import relation_name
from pgguard.model.finding import Severity
from pgguard.model.quote import grantee, ident

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.analysis.drift.comparison import Comparison, Pair
    from pgguard.model.snapshot import DatabaseSnapshot


def slots(comparison: Comparison) -> Iterator[Difference]:
    """Replication slots. Needs slots."""
    for was, now in paired(comparison.before.slots, comparison.after.slots, lambda one: one.name):
        if was is None and now is not None:
            where = f" of database {ident(now.database)}" if now.database else ""
            yield plain(
                "replication",
                "replication slot",
                now.name,
                f"is new ({now.kind}{where})",
                Direction.WIDENED,
                Severity.MEDIUM,
            )
        elif now is None and was is not None:
            yield plain("replication", "replication slot", was.name, "is gone", Direction.NARROWED)


def publications(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """What is sent to subscribers. Needs publications, publication_tables, relations and columns."""
    old, new = _sent(pair.before), _sent(pair.after)
    rows = (
        {row.name: row for row in pair.before.publications},
        {row.name: row for row in pair.after.publications},
    )
    for name in sorted({*rows[0], *rows[1]}):
        was, now = rows[0].get(name), rows[1].get(name)
        if now is None:
            yield plain("replication", "publication", name, "is gone", Direction.NARROWED, database=pair.name)
            continue
        more = sorted(new.get(name, set()) - old.get(name, set()))
        fewer = sorted(old.get(name, set()) - new.get(name, set()))
        everything = now.all_tables and not (was and was.all_tables)
        if everything or more or was is None:
            what = () if everything else tuple(more)
            severe = everything or any(one.split(" (")[0] in names(comparison, pair) for one in more)
            yield Difference(
                "replication",
                Direction.WIDENED,
                Severity.HIGH if severe else Severity.MEDIUM,
                "publication",
                (ident(name),),
                "sends every table now"
                if everything
                else "sends now"
                if what
                else "is new and sends nothing yet",
                what,
                "table",
                "(a new publication)" if was is None else "",
                pair.name,
            )
        if fewer:
            yield Difference(
                "replication",
                Direction.NARROWED,
                Severity.LOW,
                "publication",
                (ident(name),),
                "no longer sends",
                tuple(fewer),
                "table",
                database=pair.name,
            )


def _sent(database: DatabaseSnapshot) -> Mapping[str, set[str]]:
    known = catalog.relations(database)
    found: dict[str, set[str]] = {}
    for row in database.publication_tables:
        relation = known.get(row.relation)
        if relation is None:
            continue
        names = [
            ident(one.name) for one in catalog.columns(database, relation.oid) if one.number in row.columns
        ]
        shown = f" ({listed(names, 8)})" if names else ""
        found.setdefault(row.publication, set()).add(f"{relation_name(relation)}{shown}")
    return found


def subscriptions(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """What is taken in from other servers. Needs subscriptions."""
    for was, now in paired(pair.before.subscriptions, pair.after.subscriptions, lambda one: one.name):
        row = now or was
        assert row is not None  # noqa: S101 - a pair has one side at least
        if was is None:
            found = ("is new", Direction.WIDENED, Severity.MEDIUM)
        elif now is None:
            found = ("is gone", Direction.NARROWED, Severity.LOW)
        elif was != now:
            said = "is enabled" if now.enabled else "is disabled"
            found = (f"{said} and belongs to {ident(now.owner)} now", Direction.CHANGED, Severity.MEDIUM)
        else:
            continue
        does, direction, severity = found
        yield plain("replication", "subscription", row.name, does, direction, severity, database=pair.name)


def foreign(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """Foreign servers. Needs foreign_servers."""
    for was, now in paired(pair.before.foreign_servers, pair.after.foreign_servers, lambda one: one.name):
        row = now or was
        assert row is not None  # noqa: S101 - a pair has one side at least
        if was is None:
            found = (f"is new, of wrapper {ident(row.wrapper)}", Direction.WIDENED, Severity.HIGH)
        elif now is None:
            found = ("is gone", Direction.NARROWED, Severity.LOW)
        elif (was.wrapper, set(was.options), was.owner) != (now.wrapper, set(now.options), now.owner):
            found = ("has other options, another wrapper or owner now", Direction.CHANGED, Severity.MEDIUM)
        else:
            continue
        does, direction, severity = found
        yield plain(
            "foreign-server", "foreign server", row.name, does, direction, severity, database=pair.name
        )


def user_mappings(comparison: Comparison, pair: Pair) -> Iterator[Difference]:
    """As whom roles are known on foreign servers. Needs user_mappings."""
    for was, now in paired(
        pair.before.user_mappings, pair.after.user_mappings, lambda one: (one.server, one.role)
    ):
        if was is not None and now is not None and set(was.option_names) == set(now.option_names):
            continue
        row = now or was
        assert row is not None  # noqa: S101 - a pair has one side at least
        direction = (
            Direction.WIDENED if was is None else Direction.NARROWED if now is None else Direction.CHANGED
        )
        does = (
            "is now known to"
            if was is None
            else "is no longer known to"
            if now is None
            else "is known otherwise to"
        )
        yield Difference(
            "foreign-server",
            direction,
            narrowed(Severity.MEDIUM, direction),
            "role",
            (grantee(row.role),),
            does,
            (f"foreign server {ident(row.server)}",),
            "server",
            database=pair.name,
        )
