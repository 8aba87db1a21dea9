"""The four phases, each of which can be days after the one before it.

prepare adds and takes nothing away; watch only looks; cutover closes the shared login, which stays the
owner of what it owns; cleanup takes its rights, last. Nothing that is not named here is touched, and no
grant goes to a person: a person is a member of a role for the function, because an ACL ends at about
2,440 grantees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.names import relation_name
from pgguard.changes.catalog import negated, role_is
from pgguard.errors import InputError
from pgguard.model.plan import Step
from pgguard.model.quote import ident, literal
from pgguard.model.rows import MASK
from pgguard.plan.personal import changes
from pgguard.plan.personal.alike import add_grants, gathered, take_grants
from pgguard.plan.personal.code import looks_at_the_login
from pgguard.plan.personal.held import held
from pgguard.plan.personal.present import Present
from pgguard.plan.personal.settings import written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.model.finding import Change
    from pgguard.model.policy import Policy
    from pgguard.model.roster import RosterEntry
    from pgguard.model.rows import RowPolicy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot
    from pgguard.plan.personal.held import Held, HeldGrant

_NAME_BYTES = 63
# what is left to a person to decide: it opens more than the work of a function
_ATTRIBUTES = ("superuser", "createrole", "createdb", "replication", "bypassrls")


class Successor(NamedTuple):
    """A function that takes over from a shared login: its role, its people, the gate to DDL or nothing."""

    shared: Held
    function: str
    role: str
    gate: str
    people: tuple[RosterEntry, ...]


def plan_personal(
    snapshot: Snapshot, roster: Sequence[RosterEntry], policy: Policy, *, terminate: bool = False
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The steps of all phases in order, and what is to be done by hand.

    Raises `InputError` when names clash or a shared login is a superuser, `Unread` when a right of it
    could be hidden from us.
    """
    successors = _successors(snapshot, roster, policy)
    shared = {one.shared.role.name: one.shared for one in successors}
    present = Present(snapshot)
    steps = [*_prepare(snapshot, present, successors, policy)]
    still_open = {name: one for name, one in shared.items() if one.role.login}
    steps += _watch(still_open) if still_open else ()
    steps += _cutover(still_open.values(), terminate=terminate)
    steps += _cleanup(snapshot, present, shared.values())
    by_hand = [text for one in shared.values() for text in _by_hand(snapshot, one, policy)]
    by_hand += looks_at_the_login(snapshot, tuple(shared))
    return tuple(one for one in steps if one.changes or one.phase == "watch"), tuple(by_hand)


def _successors(snapshot: Snapshot, roster: Sequence[RosterEntry], policy: Policy) -> list[Successor]:
    groups: dict[tuple[str, str], list[RosterEntry]] = {}
    for one in roster:
        groups.setdefault((one.replaces, one.function), []).append(one)
    users: dict[str, set[str]] = {}
    for replaces, function in groups:
        users.setdefault(function, set()).add(replaces)
    wrong: list[str] = []
    found: list[Successor] = []
    known = {role.name for role in snapshot.roles} | {one.login for one in roster}
    has_of: dict[str, Held] = {}
    for (replaces, function), people in groups.items():
        role = snapshot.role(replaces)
        if role is None or role.superuser or role.bootstrap:
            wrong.append(
                f"{ident(replaces)} is a superuser: who needs that is an administrator, not its successor"
            )
            continue
        name = function if len(users[function]) == 1 else f"{function}_{replaces}"
        has = has_of.get(replaces) or held(snapshot, role)
        has_of[replaces] = has
        gate = f"{name}_ddl" if function in policy.personal_roles.ddl_functions and has.owned else ""
        ours = {one.role for one in snapshot.memberships if one.member in {each.login for each in people}}
        for made in (name, gate):
            if made in known and made not in ours:
                wrong.append(f"there is already a role {ident(made)}: call the function otherwise")
            if len(made.encode()) > _NAME_BYTES:
                wrong.append(f"{ident(made)} has more than {_NAME_BYTES} bytes: shorten the function's name")
        known |= {name, gate} - {""}
        found.append(Successor(has, function, name, gate, tuple(people)))
    if wrong:
        raise InputError("\n".join(wrong))
    return found


def _prepare(
    snapshot: Snapshot, present: Present, successors: Sequence[Successor], policy: Policy
) -> Iterator[Step]:
    home = snapshot.inspected[0].name if snapshot.inspected else None
    roles: list[Change] = []
    checks: list[tuple[str, str]] = []
    for one in successors:
        roles += _role_changes(snapshot, present, one, policy)
        for person in one.people:
            checks.append(
                (
                    _may_use(person.login, one.role),
                    f"{person.login} has the rights of {one.role}",
                )
            )
            if not one.gate:
                checks.append(
                    (
                        negated(_is_under(person.login, one.shared.role.name)),
                        f"{person.login} is no member of {one.shared.role.name}",
                    )
                )
            checks.append((role_is(person.login, "NOT r.rolsuper"), f"{person.login} is no superuser"))
    yield Step(
        slug="personal_roles",
        title="A role for each function and a login for each person",
        why="a login of their own for everybody, with the rights of their work; the shared logins go on",
        changes=tuple(roles),
        database=home,
        phase="prepare",
        risk="none for what runs now: roles are added, none is changed",
        checks=tuple(checks),
    )
    for database in snapshot.inspected:
        some = [change for one in successors for change in _grants(present, one, database)]
        some += _policies(successors, database.name)
        yield Step(
            slug="rights_of_functions",
            title=f"What the functions may do in {ident(database.name)}",
            why="the same rights as the shared logins have, given to the functions and not to persons",
            changes=tuple(some),
            database=database.name,
            phase="prepare",
            risk="none for what runs now; a policy is locked for a moment where one names a shared login",
        )
    cluster = [change for one in successors for change in _grants(present, one, None)]
    yield Step(
        slug="rights_on_databases",
        title="Rights on databases, tablespaces and parameters",
        why="CONNECT and the like, as the shared logins have them",
        changes=tuple(cluster),
        database=home,
        phase="prepare",
    )


def _role_changes(snapshot: Snapshot, present: Present, one: Successor, policy: Policy) -> Iterator[Change]:
    major = snapshot.major
    shared = one.shared.role
    inherit = "INHERIT" if shared.inherit or major >= 16 else "NOINHERIT"
    group = "NOT r.rolcanlogin AND NOT r.rolsuper"
    if not present.role(one.role):
        yield changes.create_role(one.role, f"NOLOGIN {inherit}", group)
    for edge in one.shared.memberships:
        if present.member(edge.role, one.role):
            continue
        options = ""
        if major >= 16:
            options = f"INHERIT {str(edge.inherit).upper()}, SET {str(edge.set).upper()}"
        yield changes.add_member(edge.role, one.role, options=options)
    if one.gate and not present.role(one.gate):
        yield changes.create_role(one.gate, "NOLOGIN NOINHERIT", group)
    if one.gate and not present.member(shared.name, one.gate):
        yield changes.add_member(
            shared.name, one.gate, options="INHERIT FALSE, SET TRUE" if major >= 16 else ""
        )
    most = policy.thresholds.max_connections_per_person
    for person in one.people:
        if not present.role(person.login):
            yield changes.create_role(
                person.login, f"LOGIN INHERIT CONNECTION LIMIT {most}", "r.rolcanlogin AND NOT r.rolsuper"
            )
        for role in (one.role, one.gate):
            if role and not present.member(role, person.login):
                yield changes.add_member(role, person.login)
        for setting in one.shared.settings:
            if _is_copied(setting.name, setting.value, masked=setting.masked) and not present.setting(
                person.login, setting.database, setting.name
            ):
                yield changes.copy_setting(
                    person.login,
                    setting.name,
                    setting.value,
                    written(setting.name, setting.value),
                    database=setting.database,
                )


def _is_copied(name: str, value: str, *, masked: bool) -> bool:
    # a role of the session is only a bridge, and a secret is not ours to hand on
    return not masked and MASK not in value and name not in ("role", "session_authorization")


def _grants(present: Present, one: Successor, database: DatabaseSnapshot | None) -> Iterator[Change]:
    name = database.name if database is not None else ""
    objects: list[tuple[str, str, tuple[str, ...]]] = []
    for grant in one.shared.grants:
        if grant.database != name:
            continue
        wanted = [privilege for privilege, _, _ in grant.privileges]
        lacking = present.lacking(grant.granted.grants, one.role, wanted)
        if lacking and (grant.granted.column or not name):
            yield changes.add_grant(
                grant.granted.keyword,
                grant.granted.name,
                one.role,
                lacking,
                database=name or None,
                column=grant.granted.column,
            )
        elif lacking:
            objects.append((grant.granted.keyword, grant.granted.name, tuple(lacking)))
    if database is None:
        return
    owned = [each for each in one.shared.owned if each.database == name]
    for each in owned:
        lacking = present.lacking(database.grants(each.relation.acl), one.role, each.privileges)
        keyword = "SEQUENCE" if each.relation.kind == "S" else "TABLE"
        if lacking:
            objects.append((keyword, relation_name(each.relation), tuple(lacking)))
    for keyword, names, privileges in gathered(objects):
        if len(names) == 1:
            yield changes.add_grant(keyword, names[0], one.role, privileges, database=name)
        else:
            yield add_grants(keyword, names, one.role, privileges, database=name)
    defaults: list[tuple[str, str, str, tuple[str, ...]]] = [
        (one.shared.role.name, "", kind, some) for kind, some in _FUTURE if owned
    ]
    defaults += [
        (entry.role, entry.schema, entry.kind, tuple(privilege for privilege, _ in some))
        for where, entry, some in one.shared.defaults
        if where == name
    ]
    for creator, schema, kind, privileges in defaults:
        lacking = present.lacking_default(name, creator, schema, kind, one.role, privileges)
        if lacking:
            yield changes.add_default(creator, schema, kind, one.role, lacking, database=name)


# what the people of a login that makes tables need of those that it makes later
_FUTURE: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("r", ("SELECT", "INSERT", "UPDATE", "DELETE")),
    ("S", ("USAGE", "SELECT", "UPDATE")),
)


def _policies(successors: Sequence[Successor], database: str) -> Iterator[Change]:
    # ALTER POLICY writes the whole list of roles: one change a policy, whoever its successors are
    found: dict[int, tuple[RowPolicy, str, list[str]]] = {}
    for one in successors:
        for where, policy, table in one.shared.policies:
            if where == database and one.role not in policy.roles:
                found.setdefault(policy.oid, (policy, table, []))[2].append(one.role)
    for policy, table, roles in found.values():
        yield changes.widen_policy(policy, table, roles, database=database)


def _watch(logins: Iterable[str]) -> Iterator[Step]:
    checks = [
        (
            f"NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.usename = {literal(name)})",
            f"nobody is connected as {name} now (pgguard observe and inspect tell of the time between)",
        )
        for name in logins
    ]
    yield Step(
        slug="watch",
        title="Who still uses the shared logins",
        why="as long as somebody does, the cutover would lock them out",
        changes=(),
        phase="watch",
        checks=tuple(checks),
    )


def _cutover(shared: Iterable[Held], *, terminate: bool) -> Iterator[Step]:
    for one in shared:
        name = one.role.name
        some = [changes.close_login(name)]
        if terminate:
            some.append(changes.end_sessions(name))
        yield Step(
            slug=f"close_{_slug(name)}",
            title=f"{ident(name)} can no longer log in",
            why="from now on everybody has a name; it stays the owner of what it owns, and its sessions go on"
            if not terminate
            else "from now on everybody has a name; it stays the owner of what it owns, and its sessions end",
            changes=tuple(some),
            phase="cutover",
            risk="whoever has not changed over yet gets in no more: see the phase watch first",
        )


def _cleanup(snapshot: Snapshot, present: Present, shared: Iterable[Held]) -> Iterator[Step]:
    for one in shared:
        name = one.role.name
        closed = ((role_is(name, "NOT r.rolcanlogin"), f"{name} can still log in: the cutover comes first"),)
        for database in snapshot.inspected:
            yield Step(
                slug=f"rights_of_{_slug(name)}",
                title=f"{ident(name)} keeps no grants in {ident(database.name)}",
                why="its successors have them; what it owns stays its own",
                changes=tuple(_taken(one, database.name)),
                database=database.name,
                phase="cleanup",
                asserts=closed,
            )
        taken = [*_taken(one, "")]
        for edge in one.memberships:
            options = " WITH ADMIN OPTION" if edge.admin and snapshot.major < 16 else ""
            if snapshot.major >= 16:
                values = (("ADMIN", edge.admin), ("INHERIT", edge.inherit), ("SET", edge.set))
                options = " WITH " + ", ".join(f"{word} {str(value).upper()}" for word, value in values)
            taken.append(changes.take_membership(edge.role, name, undo_options=options))
        home = snapshot.inspected[0].name if snapshot.inspected else None
        yield Step(
            slug=f"memberships_of_{_slug(name)}",
            title=f"{ident(name)} is a member of nothing and keeps no grants on the cluster",
            why="its successors have them",
            changes=tuple(taken),
            database=home,
            phase="cleanup",
            asserts=closed,
        )
        yield Step(
            slug=f"password_of_{_slug(name)}",
            title=f"{ident(name)} has no password",
            why="a verifier that nobody needs is one that somebody may find",
            changes=(changes.forget_password(name),) if present.password(name) else (),
            phase="cleanup",
            risk="cannot be undone: the verifier is kept nowhere",
            asserts=closed,
        )


def _taken(one: Held, database: str) -> Iterator[Change]:
    name = one.role.name
    objects: list[tuple[str, str, tuple[tuple[str, bool], ...]]] = []
    for grant in one.grants:
        if grant.database != database:
            continue
        by_owner = [
            (privilege, option)
            for privilege, option, grantor in grant.privileges
            if grantor == grant.granted.owner or not grant.granted.owner
        ]
        for option in (False, True):
            some = tuple(
                entry for entry in by_owner if entry[1] is option and not _handed_on(grant, name, entry[0])
            )
            if some and (grant.granted.column or not database):
                yield changes.take_grant(
                    grant.granted.keyword,
                    grant.granted.name,
                    name,
                    some,
                    database=database or None,
                    column=grant.granted.column,
                )
            elif some:
                objects.append((grant.granted.keyword, grant.granted.name, some))
    for keyword, names, alike in gathered(objects):
        if len(names) == 1:
            yield changes.take_grant(keyword, names[0], name, alike, database=database)
        else:
            yield take_grants(keyword, names, name, alike, database=database)
    for where, entry, privileges in one.defaults:
        if where == database:
            for option in (False, True):
                given = [each for each in privileges if each[1] is option]
                if given:
                    yield changes.take_default(entry, name, given, database=database)


def _handed_on(grant: HeldGrant, login: str, privilege: str) -> bool:
    """Whether the login granted it on: REVOKE then fails, and what hangs on it is somebody else's."""
    return any(each.grantor == login and each.privilege == privilege for each in grant.granted.grants)


def _by_hand(snapshot: Snapshot, one: Held, policy: Policy) -> Iterator[str]:
    name = ident(one.role.name)
    for attribute in _ATTRIBUTES:
        if getattr(one.role, attribute):
            yield f"{name} has {attribute.upper()}: no person gets it; decide who needs it"
    for grant in one.grants:
        own = [
            grantor
            for _, _, grantor in grant.privileges
            if grant.granted.owner and grantor != grant.granted.owner
        ]
        if own:
            yield (
                f"{name} has rights on {grant.granted.on} from {ident(own[0])}, who is not the owner: only "
                f"{ident(own[0])} can take them back"
            )
        elif any(_handed_on(grant, one.role.name, privilege) for privilege, _, _ in grant.privileges):
            yield f"{name} has handed on rights on {grant.granted.on}: they stay, and what they rest on"
        elif any(option for _, option, _ in grant.privileges):
            yield f"{name} may hand on its rights on {grant.granted.on}: its successors may not"
    for edge in one.memberships:
        if edge.admin:
            yield f"{name} has ADMIN OPTION on {ident(edge.role)}: no person gets it; decide who needs it"
    for setting in one.settings:
        if not _is_copied(setting.name, setting.value, masked=setting.masked):
            yield f"{name} has a setting of {setting.name} that is not copied: look whether people need it"
    for database, server in one.mappings:
        yield f"{name} has a user mapping for {ident(server)} in {ident(database)}: people need their own"
    if one.owned and not policy.personal_roles.ddl_functions:
        yield (
            f"{name} owns {len(one.owned)} relations: nobody of the roster may alter them unless "
            "[personal_roles] ddl_functions names their function"
        )
    for database, what in one.owned_others:
        yield f"{name} owns {what} in {ident(database)}, and stays its owner"
    yield (
        f"pg_hba.conf: lines that name {one.role.name} have to let its successors in as well (pgguard hba "
        "patch); lines for all need no change"
    )


def _may_use(login: str, role: str) -> str:
    return f"pg_catalog.pg_has_role({literal(login)}, {literal(role)}, 'USAGE')"


def _is_under(login: str, role: str) -> str:
    return f"pg_catalog.pg_has_role({literal(login)}, {literal(role)}, 'MEMBER')"


def _slug(name: str) -> str:
    plain = "".join(one if one.isascii() and one.isalnum() else "_" for one in name.lower())
    return plain[:40].strip("_") or "login"
