"""From what statements took to migrations: REVOKE of what nobody used, and columns in place of whole tables.

* What a grantee holds on an object and nobody used is revoked from it.
* Where of a table with sensitive columns some of these were not used, SELECT and UPDATE on the table
  become grants on its other columns, to the same grantee.
* What PUBLIC holds on such a table goes to a group of those who used it.

Nothing is done on less evidence than the policy asks for: `Evidence.blocked` says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.granted import of_relation
from pgguard.analysis.names import relation_name
from pgguard.analysis.sensitive import sensitive_tables
from pgguard.changes.catalog import parted
from pgguard.model.plan import Step
from pgguard.model.quote import grantee as quoted
from pgguard.model.quote import ident
from pgguard.model.rows import PUBLIC
from pgguard.model.usage import WHOLE
from pgguard.plan.personal.changes import add_grant, add_member, create_role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.analysis.granted import Granted
    from pgguard.analysis.usage.evidence import Evidence
    from pgguard.model.finding import Change
    from pgguard.model.rows import Relation
    from pgguard.model.snapshot import DatabaseSnapshot
    from pgguard.model.usage import Need

# changes that have to be in one transaction
Together = list["Change"]
_NARROWED = ("SELECT", "UPDATE")
# a file that a person can read
_MOST = 100
_NAME_BYTES = 63
_GROUP = "NOT r.rolcanlogin AND NOT r.rolsuper"


def steps_of(evidence: Evidence) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The steps, and what is left to a person."""
    by_hand: dict[str, None] = {}
    changes: dict[tuple[str, str], list[Together]] = {}
    for one in evidence.unused():
        if one.blocked:
            name = quoted(one.grantee)
            by_hand.setdefault(
                f"{name} keeps what was not seen used in {ident(one.database.name)}: {one.blocked}"
            )
            continue
        for change in one.granted.take_back(one.grantee, one.privileges, database=one.database.name):
            if change.sql.startswith("--"):
                by_hand.setdefault(f"in {ident(one.database.name)}, {change.sql.removeprefix('-- ')}")
            else:
                changes.setdefault((one.database.name, one.grantee), []).append([change])
    steps = [
        step
        for (database, grantee), some in sorted(changes.items())
        for step in _parts(
            evidence,
            some,
            database,
            slug=f"unused_{_slug(database)}_{_slug(grantee)}",
            title=f"What was granted to {quoted(grantee)} and not used ({ident(database)})",
        )
    ]
    for inspected in evidence.snapshot.inspected:
        for grantee, some in sorted(_narrowed(evidence, inspected).items()):
            steps += _parts(
                evidence,
                some,
                inspected.name,
                slug=f"columns_{_slug(inspected.name)}_{_slug(grantee)}",
                title=f"The columns that {quoted(grantee)} needs, in place of the tables "
                f"({ident(inspected.name)})",
                more="a column that is added to one of these tables later has to be granted by itself; ",
            )
        for group, some in sorted(_from_public(evidence, inspected, by_hand).items()):
            steps += _parts(
                evidence,
                some,
                inspected.name,
                slug=f"public_{_slug(inspected.name)}_{_slug(group)}",
                title=f"A group for those who used what PUBLIC has ({ident(inspected.name)})",
            )
    return tuple(steps), tuple(by_hand)


def _parts(
    evidence: Evidence, changes: list[Together], database: str, *, slug: str, title: str, more: str = ""
) -> Iterator[Step]:
    window = evidence.window
    groups: list[list[Change]] = [[]]
    for together in changes:
        if groups[-1] and len(groups[-1]) + len(together) > _MOST:
            groups.append([])
        groups[-1] += together
    for number, some in enumerate(groups, 1):
        yield Step(
            slug=slug + (f"_{number}" if len(groups) > 1 else ""),
            title=title + (f", part {number}" if len(groups) > 1 else ""),
            why=f"no statement of {window.days} days, from {window.since} to {window.until}, used more",
            changes=tuple(some),
            database=database,
            risk=f"{more}a job that runs once a month or once a year may not have run in that time: ask the "
            "people who answer for the application, and keep the undo at hand when such a job is due",
        )


def _narrowed(evidence: Evidence, database: DatabaseSnapshot) -> dict[str, list[Together]]:
    found: dict[str, list[Together]] = {}
    tables = sensitive_tables(database, evidence.policy)
    relations = catalog.relations(database)
    for oid, columns in tables.items():
        relation = relations[oid]
        sensitive = {one.column.name for one in columns}
        granted = of_relation(database, relation)
        if relation.system or relation.extension:
            continue
        for grant in granted.grants:
            if grant.privilege not in _NARROWED or grant.grantable or grant.grantor != granted.owner:
                continue
            if grant.grantee in (PUBLIC, granted.owner) or not evidence.counts(grant.grantee):
                continue
            kept = _kept(evidence, database, relation, grant.grantee, grant.privilege, sensitive)
            if kept:
                found.setdefault(grant.grantee, []).append(
                    list(_by_column(granted, grant.grantee, grant.privilege, kept, database.name))
                )
    return found


def _kept(
    evidence: Evidence,
    database: DatabaseSnapshot,
    relation: Relation,
    grantee: str,
    privilege: str,
    sensitive: set[str],
) -> list[str]:
    """The columns that a grantee keeps; none where nothing would be won, or it may not be done."""
    name = relation_name(relation)
    users = evidence.users(database, grantee) - {relation.owner}
    needs = evidence.used(database, users, name, privilege)
    if not needs or any(one.column == WHOLE for one in needs):
        return []
    if evidence.blocked(database, grantee, name, is_sequence=False):
        return []
    columns = catalog.columns(database, relation.oid)
    if any(_has(database, one.acl, grantee, privilege) for one in columns):
        # a REVOKE on the table would take these along, and its undo not bring them back
        return []
    used = {one.column for one in needs}
    kept = [one.name for one in columns if one.name in used or one.name not in sensitive]
    return [*kept, *_system(needs, kept)] if kept and len(kept) < len(columns) else []


def _has(database: DatabaseSnapshot, acl: str, grantee: str, privilege: str) -> bool:
    return any(one.grantee == grantee and one.privilege == privilege for one in database.grants(acl))


def _system(needs: Iterable[Need], kept: Iterable[str]) -> list[str]:
    """Columns such as ctid, which a grant on the table covers and grants on its columns do not."""
    known = set(kept)
    return sorted({one.column for one in needs if one.column and one.column not in known})


def _by_column(
    granted: Granted, grantee: str, privilege: str, columns: Iterable[str], database: str
) -> Iterator[Change]:
    yield from granted.take_back(grantee, [privilege], database=database)
    keyword, name = parted(granted.on)
    for column in columns:
        yield add_grant(keyword, name, grantee, [privilege], database=database, column=column)


def _from_public(
    evidence: Evidence, database: DatabaseSnapshot, by_hand: dict[str, None]
) -> dict[str, list[Together]]:
    """What PUBLIC has on sensitive tables and somebody used, for a group of those who did."""
    found: dict[str, list[Together]] = {}
    wanted: dict[tuple[str, ...], list[tuple[Granted, str]]] = {}
    relations = catalog.relations(database)
    for oid in sensitive_tables(database, evidence.policy):
        relation = relations[oid]
        granted = of_relation(database, relation)
        for grant in granted.grants:
            name = relation_name(relation)
            users = evidence.users(database, PUBLIC) - {granted.owner}
            if grant.grantee != PUBLIC or relation.system or relation.extension:
                continue
            if grant.grantor != granted.owner:
                # only that role could take it back
                continue
            needs = evidence.used(database, users, name, grant.privilege)
            if needs and not evidence.blocked(database, PUBLIC, name, is_sequence=False):
                wanted.setdefault(tuple(sorted({one.role for one in needs})), []).append(
                    (granted, grant.privilege)
                )
    for number, (users_, things) in enumerate(sorted(wanted.items()), 1):
        group = f"{database.name[: _NAME_BYTES // 2]}_users_{number}"
        roles = [evidence.snapshot.role(user) for user in users_]
        if evidence.snapshot.role(group) is not None or not all(one and one.inherit for one in roles):
            named = ", ".join(ident(user) for user in users_)
            tables = ", ".join(granted.told for granted, _ in things)
            by_hand.setdefault(
                f"in {ident(database.name)}, grant {named} what they use of {tables}, "
                f"and revoke it from PUBLIC: a group {ident(group)} would not do, since it is there already "
                "or they do not inherit"
            )
            continue
        members = [add_member(group, user) for user in users_]
        some = found.setdefault(group, [[create_role(group, "NOLOGIN", _GROUP), *members]])
        for granted, privilege in things:
            keyword, name = parted(granted.on)
            given = add_grant(keyword, name, group, [privilege], database=database.name)
            some.append([given, *granted.take_back(PUBLIC, [privilege], database=database.name)])
    return found


def _slug(name: str) -> str:
    return "".join(one if one.isascii() and one.isalnum() else "_" for one in name.lower())[:30].strip("_")
