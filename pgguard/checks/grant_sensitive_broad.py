"""More logins can read a sensitive column than the policy allows.

Why it matters: every login that can read patients' data is one more password to lose and one more
person to answer for; access goes with the need to know, not with the convenience of one big group.

How to fix: split the group that holds the grant by what its members do, or raise
[thresholds] sensitive_readers in the policy when that many people really treat these patients.

Silent when: as many as the policy allows, or fewer; superusers and declared administrators are not
counted, nor is what PUBLIC or pg_read_all_data give: grant-public-table, grant-public-definer and
role-broad-predefined tell those. Critical for genetics, special categories and credentials; only low
where all that is sensitive is who of the staff wrote a row, or from where.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.grouping import gathered, place, together
from pgguard.analysis.membership import heirs
from pgguard.analysis.names import relation_name, relation_subject, shorten
from pgguard.analysis.privileges import of_column
from pgguard.analysis.readers import around, granted, grantees, is_public
from pgguard.analysis.routes import stands_alone
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.model.classification import SENSITIVITY, TRACES
from pgguard.model.finding import Finding, Severity
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.analysis.sensitive import Sensitive
    from pgguard.model.policy import Policy
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.HIGH
references = (
    "GDPR 25(2)",
    "CNIL guide",
    "NIST AC-6",
)
_WORST = frozenset({"genetic", "special_category", "credential"})
_RANK: dict[str, int] = {category: rank for rank, category in enumerate(SENSITIVITY)}


class _Read(NamedTuple):
    """A table with its most read sensitive column: who reads it by its grants, and who by other ways."""

    relation: Relation
    column: str
    category: str
    direct: frozenset[str]
    indirect: frozenset[str]
    holders: tuple[str, ...]
    openings: tuple[str, ...]

    @property
    def severity(self) -> Severity | None:
        if self.category in _WORST:
            return Severity.CRITICAL
        return Severity.LOW if self.category in TRACES else None

    @property
    def readers(self) -> frozenset[str]:
        return self.direct | self.indirect


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    most = policy.thresholds.sensitive_readers
    if sum(1 for role in snapshot.roles if role.login and not role.superuser) <= most:
        return
    for database in snapshot.inspected:
        found = [
            read
            for columns in _once_an_acl(snapshot, database, policy, most)
            if len((read := _most_read(snapshot, database, policy, columns)).readers) > most
        ]
        for group in gathered(together(found, _cause), lambda one: (one.severity, one.direct)):
            worst = max(group, key=lambda one: (len(one.readers), relation_name(one.relation)))
            column = f"{relation_name(worst.relation)}.{ident(worst.column)} ({worst.category})"
            many = f"{len(group)} sensitive tables have too many readers: " if len(group) > 1 else ""
            yield Finding(
                relation_subject(database, worst.relation)
                if len(group) == 1
                else place(database, (one.relation.schema for one in group)),
                f"{many}{len(worst.readers)} logins can read {column}{_how(snapshot, database, worst)}; "
                f"the policy allows {most}",
                severity=worst.severity,
            )


def _cause(read: _Read) -> tuple[str, Severity | None]:
    return read.relation.schema, read.severity


def _once_an_acl(
    snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy, most: int
) -> Iterator[tuple[Sensitive, ...]]:
    """The sensitive tables, but of those that stand alone and have a few readers one for each ACL."""
    few: dict[tuple[str, str, frozenset[str]], bool] = {}
    for columns in sensitive_tables(database, policy).values():
        relation = columns[0].relation
        if stands_alone(snapshot, database, relation):
            key = (relation.schema, relation.acl, frozenset(one.column.acl for one in columns))
            if key not in few:
                few[key] = len(_most_read(snapshot, database, policy, columns).readers) <= most
            if few[key]:
                continue
        yield columns


def _most_read(
    snapshot: Snapshot, database: DatabaseSnapshot, policy: Policy, columns: tuple[Sensitive, ...]
) -> _Read:
    relation = columns[0].relation
    administrators = frozenset(policy.administrators.roles)
    # of columns that as many read, the worst is named
    columns = tuple(sorted(columns, key=lambda one: _RANK.get(one.category, len(_RANK))))
    best = _Read(relation, columns[0].column.name, columns[0].category, frozenset(), frozenset(), (), ())
    alone = stands_alone(snapshot, database, relation)
    if alone:
        # columns with the same grants have the same readers
        columns = tuple({one.column.acl: one for one in reversed(columns)}.values())
    for one in columns:
        thing = of_column(database, relation, one.column)
        if is_public(database, thing, "SELECT"):
            continue
        direct = granted(snapshot, database, thing) - administrators
        through: dict[str, frozenset[str]] = {}
        routes = {} if alone else around(snapshot, database, relation, one.column)
        for route, names in routes.items():
            if not is_public(database, route.thing, route.privilege):
                source = route.steps[0].source
                through[source] = through.get(source, frozenset()) | (names - direct - administrators)
        indirect = frozenset[str]().union(*through.values())
        if len(direct | indirect) > len(best.readers):
            openings = tuple(sorted(name for name, names in through.items() if names))
            holders = grantees(database, thing, "SELECT")
            best = _Read(relation, one.column.name, one.category, direct, indirect, holders, openings)
    return best


def _how(snapshot: Snapshot, database: DatabaseSnapshot, read: _Read) -> str:
    parts = []
    if read.direct:
        having = {
            name: len(read.direct & heirs(snapshot, name, database.name))
            for name in read.holders
            if name != read.relation.owner
        }
        largest = sorted((name for name in having if having[name]), key=lambda name: -having[name])
        to = f" to {shorten([ident(name) for name in largest], 2)}" if largest else ""
        parts.append(f"{len(read.direct)} by grants{to}")
    if read.indirect:
        parts.append(f"{len(read.indirect)} through {shorten(list(read.openings), 2)}")
    return f", {', '.join(parts)}"
