"""What another pg_hba.conf would change: who loses a way in, who gains one, what else would be asked of whom.

Both files are decided by the first match over all logins, databases, addresses and ways in, and the one
taken from the other, so that nobody is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from pgguard.analysis.addresses import parse, single
from pgguard.analysis.admission import admissions, obstacles, password_obstacle
from pgguard.analysis.hba.decisions import Entry, decisions
from pgguard.analysis.hba.explain import Connection, first_match
from pgguard.analysis.hba.index import REPLICATION
from pgguard.analysis.hba.parse import parse_rules
from pgguard.analysis.hba.rules import (
    GSS,
    LOCAL,
    PLAIN,
    SOCKET,
    STORED_PASSWORD,
    TLS,
    dead_letters,
    place,
    proves_certificate,
    wants_certificate,
)
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from pgguard.analysis.hba.parse import Texts
    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule, Session
    from pgguard.model.snapshot import Snapshot

Kind = Literal["loses", "encrypts", "gains", "method", "keeps"]


class Effect(NamedTuple):
    """What becomes of one part of the ways in.

    loses: they would no longer get in, `why` says what stands in the way. encrypts: they would get in
    from there over TLS only. gains, method, keeps: `rule` is the one that would let them in. `entry` has
    the part and the rule of before (of after, where it is gained); `perhaps`: it hangs on what the
    snapshot does not tell.
    """

    kind: Kind
    entry: Entry
    rule: HbaRule | None
    why: str
    perhaps: bool


class Cut(NamedTuple):
    """A session of now that could not be opened again, and why."""

    session: Session
    why: str


def as_if(snapshot: Snapshot, texts: Texts) -> Snapshot:
    """The snapshot as it would be had the server loaded these files.

    Raises `Wanted` for a file that is named and not given, `Unread` when the rules of today are not known.
    """
    missing = snapshot.missing()
    known = {} if "hba_rules" in missing else {rule.type: rule.error for rule in dead_letters(snapshot)}
    unusable = {kind: error for kind, error in known.items() if kind != "hostssl"}
    if snapshot.has_setting("ssl") and snapshot.setting("ssl").value == "off":
        unusable["hostssl"] = "hostssl record cannot match because SSL is disabled"
    parsed = parse_rules(texts, snapshot.major, unusable)
    found = snapshot.replaced(hba_rules=parsed.rules, hba_quotes=parsed.quotes)
    if "config_files" in missing:
        return found
    return found.replaced(config_files=tuple(one for one in snapshot.config_files if one.purpose != "hba"))


def effects(before: Snapshot, after: Snapshot) -> tuple[Effect, ...]:
    """Everything that the second snapshot's rules decide otherwise than the first's, and what is kept.

    Both are of one cluster and differ in the rules alone. Ways in encrypted by GSSAPI are left out where no
    rule of either speaks of GSSAPI. Raises `Unread` when rules, roles, memberships or databases could
    not be read.
    """
    ways = _ways_that_count(before, after)
    was, now = (list(_limited(admissions(one), ways)) for one in (before, after))
    sure_now = [one for one in now if not one.open]
    sure_was = [one for one in was if not one.open]
    open_was, open_now = ([one for one in some if one.open] for some in (was, now))
    decided = list(_limited(decisions(after), ways))
    found: list[Effect] = []
    for entry in was:
        for piece in _without(entry, sure_now):
            for part, perhaps in _split(piece, open_now):
                found += _lost(after, part, sure_now, decided, perhaps=perhaps)
    for entry in now:
        for piece in _without(entry, sure_was):
            for part, perhaps in _split(piece, open_was):
                found.append(Effect("gains", part, entry.rule, "", perhaps))
    for entry in was:
        for other in now:
            both = _overlap(entry, other)
            if both is not None:
                kind: Kind = "keeps" if demand(entry.rule) == demand(other.rule) else "method"
                found.append(Effect(kind, both, other.rule, "", entry.open or other.open))
    return tuple(found)


def demand(rule: HbaRule) -> tuple[str, bool, bool]:
    """What a rule asks of a client: method, a certificate that names the login, any certificate."""
    return rule.method, proves_certificate(rule), wants_certificate(rule)


def cut_sessions(before: Snapshot, after: Snapshot) -> tuple[Cut, ...]:
    """The sessions of now that could not be opened again under the second snapshot's rules.

    Raises `Unread` when the sessions could not be read.
    """
    found = []
    for session in before.sessions:
        connection = connection_of(session)
        if session.role and not refusal(before, connection):
            why = refusal(after, connection)
            if why:
                found.append(Cut(session, why))
    return tuple(found)


def connection_of(session: Session) -> Connection:
    """The connection that a session was opened by."""
    database = session.database or REPLICATION
    if not session.address:
        return Connection(session.role, database, LOCAL, SOCKET)
    way = TLS if session.tls else GSS if session.gss_encrypted else PLAIN
    return Connection(session.role, database, way, single(session.address))


def refusal(snapshot: Snapshot, connection: Connection) -> str:
    """Why a connection would be turned away whatever its client offers; empty where it would not be."""
    match = first_match(snapshot, connection)
    role = snapshot.role(connection.user)
    if role is None:
        return f"there is no role {ident(connection.user)}"
    if match.rule is None and not match.perhaps:
        return "no line lets it in"
    reasons = []
    for rule in (*match.perhaps, *((match.rule,) if match.rule else ())):
        why = list(obstacles(snapshot, role, connection.database, rule))
        if why:
            reasons.append(f"{place(rule)}: {', and '.join(why)}")
    if match.rule is None:
        reasons.append("perhaps no line lets it in")
    return "; ".join(reasons)


def lock_outs(
    before: Snapshot,
    after: Snapshot,
    policy: Policy,
    found: Sequence[Effect],
    own: Connection | None,
    allowed: Collection[str],
    account: str = "",
) -> tuple[str, ...]:
    """Who would lose a way in and must not: ourselves, administrators, declared services, sessions of now.

    Those named in `allowed` may, but for ourselves. An administrator must keep some way in; a service all
    those that it has from its declared origins, or some way into each database where it has none declared.
    `account` is the operating system's account that we run under, which peer asks for.
    """
    reasons: dict[str, None] = {}
    if own is not None:
        why = refusal(after, own) or _other_account(before, after, own, account)
        if why:
            reasons[f"your own connection, as {ident(own.user)}: {why}"] = None
    was = admissions(before)
    now = [one for one in admissions(after) if not one.open]
    for name in policy.administrators.roles:
        if name in allowed or not any(name in one.logins for one in was):
            continue
        if not any(name in one.logins for one in now):
            reasons[f"administrator {ident(name)} would have no way in"] = None
    for service in policy.service:
        if service.role not in allowed:
            places = _service_losses(service.role, service.origins, found, was, now)
            for text in places:
                reasons[f"service {ident(service.role)} {text}"] = None
    if "sessions" not in before.missing():
        for cut in cut_sessions(before, after):
            if cut.session.role not in allowed:
                reasons[f"{described(cut.session)} could not connect again: {cut.why}"] = None
    return tuple(reasons)


def _other_account(before: Snapshot, after: Snapshot, own: Connection, account: str) -> str:
    """Why peer would turn us away who came in by something else; empty where it would not, or by a map."""
    was, now = first_match(before, own).rule, first_match(after, own).rule
    if now is None or own.way != LOCAL or now.method not in ("peer", "ident"):
        return ""
    same = was is not None and (was.method, was.options) == (now.method, now.options)
    if same or not account or account == own.user or any(one.startswith("map=") for one in now.options):
        return ""
    return f"{place(now)} asks for {now.method}, and your account on this machine is {account}"


def described(session: Session) -> str:
    """A session for people: who is connected, where to and from where."""
    where = "by the socket" if not session.address else f"from {session.address}"
    how = "" if not session.address else " over TLS" if session.tls else " unencrypted"
    into = ident(session.database) if session.database else "the whole cluster (replication)"
    return f"{ident(session.role)}, now connected to {into} {where}{how},"


def _service_losses(
    role: str, origins: tuple[str, ...], found: Sequence[Effect], was: Iterable[Entry], now: Iterable[Entry]
) -> Iterator[str]:
    if origins:
        places = parse(origins)
        for effect in found:
            entry = effect.entry
            hit = LOCAL in entry.ways or bool(entry.addresses & places)
            if effect.kind == "loses" and role in entry.logins and hit and LOCAL not in entry.ways:
                shown = (entry.addresses & places).networks(4)
                yield f"would lose its way into {_named(entry.databases)} from {shown}: {effect.why}"
        return
    had = {name for one in was if role in one.logins for name in one.databases}
    has = {name for one in now if role in one.logins for name in one.databases}
    if had - has:
        yield f"would have no way into {_named(sorted(had - has))}"


def _named(databases: Iterable[str]) -> str:
    return ", ".join(ident(name) if name != REPLICATION else "replication" for name in databases)


def _lost(
    after: Snapshot, piece: Entry, sure: Sequence[Entry], decided: Sequence[Entry], *, perhaps: bool
) -> Iterator[Effect]:
    left = [piece]
    if PLAIN in piece.ways and TLS not in piece.ways:
        over_tls = piece._replace(ways=frozenset({TLS}))
        shut = _without(over_tls, sure)
        for part in _without(over_tls, shut):
            yield Effect("encrypts", part._replace(ways=piece.ways), None, "only over TLS", perhaps)
        left = [part._replace(ways=piece.ways) for part in shut]
    for entry in decided:
        if entry.open:
            continue
        rest = []
        for part in left:
            taken = _overlap(part, entry)
            if taken is None:
                rest.append(part)
                continue
            yield from (
                Effect("loses", one, entry.rule, why, perhaps) for one, why in _why(after, taken, entry.rule)
            )
            rest += _cut(part, entry)
        left = rest
    yield from (Effect("loses", part, None, "no line lets them in", perhaps) for part in left)


def _why(after: Snapshot, part: Entry, rule: HbaRule) -> Iterator[tuple[Entry, str]]:
    if rule.method not in STORED_PASSWORD:
        yield part, f"{place(rule)} turns them away"
        return
    for name in part.logins:
        role = after.role(name)
        why = password_obstacle(after, role, rule.method) if role is not None else ""
        alone = part._replace(logins=part.logins.only([name]))
        # without the name, so that those who lack the same are told together
        lacks = why.removeprefix(f"{ident(name)} ") or "it is refused"
        yield alone, f"{place(rule)} asks for {rule.method}: {lacks}"


def _ways_that_count(*snapshots: Snapshot) -> frozenset[str]:
    spoken = any(
        rule.method == "gss" or rule.type == "hostgssenc" for one in snapshots for rule in one.hba_rules
    )
    return frozenset({LOCAL, PLAIN, TLS} | ({GSS} if spoken else set()))


def _limited(entries: Iterable[Entry], ways: frozenset[str]) -> Iterator[Entry]:
    for entry in entries:
        kept = entry.ways & ways
        if kept:
            yield entry._replace(ways=kept)


def _split(piece: Entry, others: Sequence[Entry]) -> Iterator[tuple[Entry, bool]]:
    """The piece in parts: those that one of the others, which only may decide, has too, and the rest."""
    if piece.open:
        yield piece, True
        return
    rest = _without(piece, others)
    yield from ((part, False) for part in rest)
    yield from ((part, True) for part in _without(piece, rest))


def _overlap(entry: Entry, other: Entry) -> Entry | None:
    """The part of an entry that is in the other one too."""
    logins = entry.logins & other.logins
    ways = entry.ways & other.ways
    if not logins or not ways:
        return None
    databases = tuple(sorted(set(entry.databases) & set(other.databases)))
    addresses = entry.addresses & other.addresses
    if not databases or not addresses:
        return None
    return entry._replace(logins=logins, databases=databases, ways=ways, addresses=addresses)


def _without(entry: Entry, others: Iterable[Entry]) -> list[Entry]:
    left = [entry]
    for other in others:
        left = [piece for one in left for piece in _cut(one, other)]
        if not left:
            break
    return left


def _cut(entry: Entry, other: Entry) -> list[Entry]:
    """The entry without the other one, in disjoint parts."""
    both = _overlap(entry, other)
    if both is None:
        return [entry]
    databases = tuple(name for name in entry.databases if name not in both.databases)
    parts = [
        entry._replace(logins=entry.logins - both.logins),
        entry._replace(logins=both.logins, databases=databases),
        entry._replace(logins=both.logins, databases=both.databases, ways=entry.ways - both.ways),
        both._replace(addresses=entry.addresses - both.addresses),
    ]
    return [one for one in parts if one.logins and one.databases and one.ways and one.addresses]
