"""From the findings about pg_hba.conf to its changed text: what is decided is changed, the rest is proposed.

Changes come in turns, each judged by the checks on what the one before left, because a narrowed rule
hands its clients on to those below it. What only the DBA can know becomes a comment above the line.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.addresses import LOOPBACK, joined, parse
from pgguard.analysis.admission import admissions
from pgguard.analysis.hba import deciding, login_names
from pgguard.analysis.hba.edit import (
    CommentOut,
    Edit,
    Field,
    Insert,
    Replace,
    apply_edits,
    copied,
    physical,
    written_name,
)
from pgguard.analysis.hba.effect import as_if, effects
from pgguard.analysis.hba.index import REPLICATION
from pgguard.analysis.hba.parse import INCLUDES_FROM, Placed, rule_lines
from pgguard.analysis.hba.rules import (
    LOCAL,
    PLAIN,
    accepted,
    broken_lines,
    for_replication_only,
    is_network,
    place,
)
from pgguard.analysis.membership import superusers
from pgguard.analysis.names import role_subject, rule_subject
from pgguard.analysis.settings import ssl_is_on
from pgguard.checks import all_checks
from pgguard.errors import InputError
from pgguard.model.plan import Answer
from pgguard.model.quote import ident
from pgguard.report.judge import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pgguard.analysis.hba.decisions import Entry
    from pgguard.analysis.hba.effect import Effect
    from pgguard.analysis.hba.parse import Texts
    from pgguard.model.finding import Judged
    from pgguard.model.policy import Policy
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

_TURNS = 20
_MOST_NETWORKS = 8
_MOST_LOGINS = 12
_MOST_DATABASES = 8
_SCRAM = "scram-sha-256"
_TO_TLS = frozenset({"host", "hostnogssenc"})


class Proposal(NamedTuple):
    """What the DBA has to decide about a line; `answer` is the finding that it would close."""

    file: str
    line: int
    answer: Answer
    text: str


class Changed(NamedTuple):
    """One file before and after; `answers` are, for each line of the new text, the findings it closes."""

    path: str
    before: str
    after: str
    answers: tuple[tuple[Answer, ...], ...]


class Patch(NamedTuple):
    """The files that change, what that does to the ways in, and what is left to decide."""

    before: Snapshot
    after: Snapshot
    files: tuple[Changed, ...]
    effects: tuple[Effect, ...]
    proposals: tuple[Proposal, ...]


class _Wish(NamedTuple):
    """What one finding asks of a rule: other values, or a proposal where it cannot be decided."""

    values: tuple[tuple[Field, str], ...] = ()
    networks: tuple[str, ...] = ()
    above: tuple[tuple[tuple[Field, str], ...], ...] = ()
    lines_above: tuple[str, ...] = ()
    comment_out: bool = False
    proposal: str = ""


class _Turn(NamedTuple):
    """The files as the turns before left them, and what was found in them."""

    snapshot: Snapshot
    texts: Texts
    policy: Policy
    account: str
    findings: tuple[tuple[str, Judged], ...]
    placed: Mapping[tuple[str, int], Placed]
    later: bool


def patch(snapshot: Snapshot, texts: Texts, policy: Policy, *, account: str = "") -> Patch:
    """The change of pg_hba.conf that closes as many findings as can be closed without asking.

    `account` is the operating system's account that the server runs under, where it is known: a superuser
    of its name may come in by peer. Waived findings are left alone. Raises `InputError` for a file with
    lines in error, `Wanted` for an included file that was not given, `Unread` when the rules cannot be
    judged.
    """
    before = as_if(snapshot, texts)
    _require_whole(before)
    tagged: dict[str, list[tuple[Answer, ...]]] = {
        path: [()] * len(physical(text)) for path, text in texts.files.items() if text is not None
    }
    proposals: dict[tuple[str, str], Proposal] = {}
    done: set[tuple[object, ...]] = set()
    now = texts
    for number in range(_TURNS):
        turn = _turn(as_if(snapshot, now), now, policy, account, later=number > 0)
        proposals = {}
        edits: list[tuple[Edit, tuple[Answer, ...]]] = []
        for stage in (_rule_wishes, _shadowed_wishes, _superuser_wishes, _everybody_wishes):
            edits = _edits_of(turn, stage, done, proposals)
            if edits:
                break
        if not edits:
            break
        now = _applied(now, edits, tagged, snapshot.major)
    now = _applied(now, list(_comments(now, proposals.values())), tagged, snapshot.major)
    after = as_if(snapshot, now)
    _require_whole(after)
    return patch_of(snapshot, texts, now, tuple(_numbered(now, proposals.values())), tagged)


def patch_of(
    snapshot: Snapshot,
    texts: Texts,
    now: Texts,
    proposals: tuple[Proposal, ...] = (),
    answers: Mapping[str, Sequence[tuple[Answer, ...]]] | None = None,
) -> Patch:
    """The patch from some files to others, however these came about, with what it does."""
    before, after = as_if(snapshot, texts), as_if(snapshot, now)
    files = tuple(
        Changed(path, old, new, tuple((answers or {}).get(path, ())))
        for path, new in now.files.items()
        if new is not None and (old := texts.files.get(path)) is not None and old != new
    )
    return Patch(before, after, files, effects(before, after), proposals)


def _require_whole(snapshot: Snapshot) -> None:
    broken = broken_lines(snapshot)
    if broken:
        shown = "; ".join(f"{place(one)}: {one.error}" for one in broken[:5])
        msg = f"lines in error come first, because the file does not load with them: {shown}"
        raise InputError(msg)


def _turn(snapshot: Snapshot, texts: Texts, policy: Policy, account: str, *, later: bool) -> _Turn:
    today = datetime.date.fromisoformat(snapshot.server.now[:10])
    checks = [one for one in all_checks() if one.id.startswith("hba-")]
    report = judge(snapshot, policy, today=today, checks=checks)
    findings = tuple(
        (outcome.check, judged)
        for outcome in report.outcomes
        for judged in outcome.findings
        if judged.waived is None
    )
    placed = {
        (one.file if snapshot.major >= INCLUDES_FROM else "", one.line.number): one
        for one in rule_lines(texts, snapshot.major)
    }
    return _Turn(snapshot, texts, policy, account, findings, placed, later)


def _edits_of(
    turn: _Turn,
    stage: Callable[[_Turn], Iterator[tuple[HbaRule, Answer, _Wish]]],
    done: set[tuple[object, ...]],
    proposals: dict[tuple[str, str], Proposal],
) -> list[tuple[Edit, tuple[Answer, ...]]]:
    by_rule: dict[HbaRule, list[tuple[Answer, _Wish]]] = {}
    for rule, answer, wish in stage(turn):
        key = (
            answer.check,
            answer.subject if stage is _superuser_wishes else "",
            rule._replace(number=0, line=0),
        )
        if wish.proposal:
            file = turn.placed[rule.file, rule.line].file
            proposals[f"{file}:{rule.line}", answer.check] = Proposal(file, rule.line, answer, wish.proposal)
        elif key not in done:
            done.add(key)
            by_rule.setdefault(rule, []).append((answer, wish))
    found: list[tuple[Edit, tuple[Answer, ...]]] = []
    for rule, wishes in by_rule.items():
        found += _edits(turn, rule, wishes)
    return found


def _edits(
    turn: _Turn, rule: HbaRule, wishes: Sequence[tuple[Answer, _Wish]]
) -> Iterator[tuple[Edit, tuple[Answer, ...]]]:
    file, where, _ = turn.placed[rule.file, rule.line]
    text = turn.texts.files[file] or ""
    answers = tuple(dict.fromkeys(answer for answer, _ in wishes))
    if any(wish.comment_out for _, wish in wishes):
        yield CommentOut(file, rule.line), answers
        return
    values: dict[Field, str] = {}
    networks: tuple[str, ...] = ()
    for _, wish in wishes:
        for field, value in wish.values:
            values.setdefault(field, value)
        networks = networks or wish.networks
        for line_above in wish.lines_above:
            yield Insert(file, rule.line, line_above), answers
        for above in wish.above:
            yield Insert(file, rule.line, copied(text, where, above)), answers
    if networks:
        values["address"] = networks[0]
    for field, value in values.items():
        yield Replace(file, rule.line, field, value), answers
    for network in networks[1:]:
        made = copied(text, where, [*values.items(), ("address", network)])
        yield Insert(file, rule.line, made, after=True), answers
    if networks or "type" in values:
        # programs on the machine itself need no TLS, and keep their way in where this rule is theirs
        own = [(field, value) for field, value in values.items() if field not in ("type", "address")]
        for network in _loopback(turn, rule):
            made = copied(text, where, [*own, ("address", network)])
            yield Insert(file, rule.line, made, after=True), answers


def _loopback(turn: _Turn, rule: HbaRule) -> Iterator[str]:
    """The machine's own addresses from which the rule lets clients in without TLS."""
    some = deciding(turn.snapshot, lambda one: one is rule).get(rule, [])
    ranges = [part for one in some if PLAIN in one.ways for part in one.addresses.ranges]
    yield from (joined(ranges) & LOOPBACK).each_network()


def _applied(
    texts: Texts,
    edits: Sequence[tuple[Edit, tuple[Answer, ...]]],
    tagged: dict[str, list[tuple[Answer, ...]]],
    major: int,
) -> Texts:
    """The files after edits; the findings that each line answers move with it."""
    by_file: dict[str, list[tuple[Edit, tuple[Answer, ...]]]] = {}
    for edit, answers in edits:
        by_file.setdefault(edit.file, []).append((edit, answers))
    for file, some in by_file.items():
        edited = apply_edits(texts.files[file] or "", [edit for edit, _ in some], major)
        of_line: dict[int, list[Answer]] = {}
        for edit, answers in some:
            of_line.setdefault(edit.line, []).extend(answers)
        old, moved = tagged[file], []
        # a new line belongs to the rule that it stands beside
        owners = _owners(edited.origins, of_line)
        for origin, owner in zip(edited.origins, owners, strict=True):
            before = old[origin - 1] if origin else ()
            moved.append(tuple(dict.fromkeys((*before, *of_line.get(owner, ())))))
        tagged[file] = moved
        texts = texts.replaced(file, edited.text)
    return texts


def _owners(origins: Sequence[int], edited: Mapping[int, object]) -> list[int]:
    """For each line, the edited rule that it is or that it was put beside; 0 for none."""
    owners = [origin if origin in edited else 0 for origin in origins]
    for at, origin in enumerate(origins):
        if not origin:
            below = next((one for one in origins[at:] if one), 0)
            above = next((one for one in reversed(origins[:at]) if one), 0)
            owners[at] = below if below in edited else above if above in edited else 0
    return owners


def _comments(texts: Texts, proposals: Iterable[Proposal]) -> Iterator[tuple[Edit, tuple[Answer, ...]]]:
    for one in proposals:
        text = _comment(one)
        # a second patch has nothing to add to the first
        if text not in (texts.files[one.file] or ""):
            yield Insert(one.file, one.line, text), ()


def _comment(one: Proposal) -> str:
    return " ".join(f"# pgguard, {one.answer.check}: for the DBA to decide: {one.text}".split())


def _numbered(texts: Texts, proposals: Iterable[Proposal]) -> Iterator[Proposal]:
    """The proposals with the lines at which they stand as comments."""
    left = {path: physical(text or "") for path, text in texts.files.items()}
    for one in sorted(proposals, key=lambda one: (one.file, one.line)):
        lines = left[one.file]
        at = next((at for at, line in enumerate(lines) if line.rstrip("\r\n") == _comment(one)), one.line - 1)
        # of two that say the same, the other one is the next's
        lines[at] = ""
        yield one._replace(line=at + 1)


# What each finding asks for --------------------------------------------------------------------------


def _shadowed_wishes(turn: _Turn) -> Iterator[tuple[HbaRule, Answer, _Wish]]:
    """What still never decides after the lines above it were narrowed is commented out."""
    by_name = {rule_subject(rule).name: rule for rule in turn.snapshot.hba_rules}
    for check, judged in turn.findings:
        rule = by_name.get(judged.finding.subject.name)
        if check == "hba-shadowed" and rule is not None:
            yield rule, _answer(turn, check, judged), _Wish(comment_out=True)


def _rule_wishes(turn: _Turn) -> Iterator[tuple[HbaRule, Answer, _Wish]]:
    by_name: dict[str, list[HbaRule]] = {}
    for rule in turn.snapshot.hba_rules:
        by_name.setdefault(rule_subject(rule).name, []).append(rule)
    entries = deciding(turn.snapshot, lambda rule: True)
    for check, judged in turn.findings:
        wish = _WISHES.get(check)
        named = by_name.get(judged.finding.subject.name, ())
        if wish is None or judged.finding.subject.kind != "hba-rule" or not named:
            continue
        answer = _answer(turn, check, judged)
        if len(named) > 1:
            # two included files of the same name
            for rule in named:
                yield rule, answer, _Wish(proposal="which of the files of this name is meant")
            continue
        yield named[0], answer, wish(turn, named[0], entries.get(named[0], []))


def _answer(turn: _Turn, check: str, judged: Judged) -> Answer:
    finding = judged.finding
    # lines are counted anew by then
    seen = f"{finding.evidence} (once the changes before are made)" if turn.later else finding.evidence
    return Answer(check, judged.fingerprint, finding.subject.name, seen)


def _trust(turn: _Turn, rule: HbaRule, entries: list[Entry]) -> _Wish:
    if rule.options and any(not option.startswith("clientcert=") for option in rule.options):
        return _Wish(proposal="its options do not go with a password: write the line anew with scram-sha-256")
    values: list[tuple[Field, str]] = [("method", _SCRAM)]
    if is_network(rule):
        if rule.type in _TO_TLS and ssl_is_on(turn.snapshot) and not accepted(rule).within(LOOPBACK):
            values.append(("type", "hostssl"))
        return _Wish(tuple(values))
    among = [name for name in login_names(entries) if name in superusers(turn.snapshot)]
    if turn.account in among:
        name = written_name(turn.account, turn.snapshot.major)
        return _Wish(tuple(values), above=((("user", name), ("method", "peer")),))
    kinds = _verifiers(turn.snapshot)
    if kinds is None or any(kinds.get(name) != _SCRAM for name in among):
        return _Wish(
            proposal="by which accounts administrators come in (peer), then scram-sha-256 for everybody "
            "else: a superuser here has no SCRAM password"
        )
    return _Wish(tuple(values))


def _to_tls(turn: _Turn, rule: HbaRule, entries: list[Entry]) -> _Wish:
    if not ssl_is_on(turn.snapshot):
        return _Wish(proposal="set ssl = on first; then hostssl instead of host")
    if rule.type in _TO_TLS:
        return _Wish((("type", "hostssl"),))
    return _Wish(proposal=f"whether its clients may come over TLS: hostssl instead of {rule.type}")


def _to_scram(turn: _Turn, rule: HbaRule, entries: list[Entry]) -> _Wish:
    if rule.options and any(not option.startswith("clientcert=") for option in rule.options):
        return _Wish(proposal="its options do not go with scram-sha-256: write the line anew")
    kinds = _verifiers(turn.snapshot)
    if kinds is None:
        return _Wish(proposal="scram-sha-256 once every login of the line is known to have a SCRAM password")
    # whoever has no password does not get in by one today either, but does by ident
    fine = {_SCRAM} if rule.method == "ident" else {_SCRAM, "none"}
    lacking = [ident(name) for name in login_names(entries) if kinds.get(name, "none") not in fine]
    if lacking:
        shown = ", ".join(lacking[:6]) + (f" and {len(lacking) - 6} more" if len(lacking) > 6 else "")
        return _Wish(proposal=f"scram-sha-256 once these have a SCRAM password: {shown}")
    return _Wish((("method", _SCRAM),))


def _password(turn: _Turn, rule: HbaRule, entries: list[Entry]) -> _Wish:
    over_tls = _to_tls(turn, rule, entries)
    if rule.method != "password":
        return over_tls
    scram = _to_scram(turn, rule, entries)
    if over_tls.proposal and scram.proposal:
        return over_tls
    return _Wish(over_tls.values + scram.values)


def _address(turn: _Turn, rule: HbaRule, entries: list[Entry]) -> _Wish:
    networks = turn.policy.networks
    declared = (*networks.internal, *networks.poolers, *networks.jump_hosts, *networks.nat)
    if not declared:
        return _Wish(proposal="from which networks clients come ([networks] internal in the policy)")
    if rule.address == "samenet":
        return _Wish(proposal="which networks instead of samenet: the server's own are not known here")
    found = tuple((accepted(rule) & parse(declared)).each_network())
    if not found or len(found) > _MOST_NETWORKS:
        why = "none" if not found else f"{len(found)} parts"
        return _Wish(proposal=f"whether the line is needed: {why} of the policy's networks lies in it")
    return _Wish(networks=found)


def _replication(turn: _Turn, rule: HbaRule, entries: list[Entry]) -> _Wish:
    if not for_replication_only(rule):
        return _Wish(proposal="a line of its own for replication, with hostssl and each standby's address")
    values: tuple[tuple[Field, str], ...] = ()
    if ssl_is_on(turn.snapshot) and rule.type in _TO_TLS and not accepted(rule).within(LOOPBACK):
        values = (("type", "hostssl"),)
    standbys = parse(turn.policy.networks.standbys)
    found = tuple((accepted(rule) & standbys).each_network())
    if 0 < len(found) <= _MOST_NETWORKS:
        return _Wish(values, networks=found)
    if values:
        return _Wish(values)
    if not ssl_is_on(turn.snapshot):
        return _Wish(proposal="each standby's own address ([networks] standbys), and hostssl once ssl is on")
    return _Wish(proposal="each standby's own address ([networks] standbys in the policy)")


def _second_factor(turn: _Turn, rule: HbaRule, entries: list[Entry]) -> _Wish:
    return _Wish(proposal="a second factor for clients from outside: clientcert=verify-full, gss or cert")


_WISHES: Mapping[str, Callable[[_Turn, HbaRule, list[Entry]], _Wish]] = {
    "hba-trust": _trust,
    "hba-trust-local": _trust,
    "hba-tls-not-required": _to_tls,
    "hba-cleartext-password": _password,
    "hba-md5": _to_scram,
    "hba-ident-tcp": _to_scram,
    "hba-open-address": _address,
    "hba-replication-open": _replication,
    "hba-no-second-factor": _second_factor,
}


def _superuser_wishes(turn: _Turn) -> Iterator[tuple[HbaRule, Answer, _Wish]]:
    """A superuser whom nobody declared is turned away from elsewhere; who is one to stay, the policy says."""
    roles = {role_subject(role.name).name: role.name for role in turn.snapshot.roles}
    near = LOOPBACK | parse(turn.policy.networks.jump_hosts)
    for check, judged in turn.findings:
        name = roles.get(judged.finding.subject.name)
        if check != "hba-superuser-remote" or name is None or judged.severity.label == "low":
            continue
        through = [one for one in admissions(turn.snapshot) if name in one.logins and one.beyond(near)]
        if not through:
            continue
        rule = through[0].rule
        answer = _answer(turn, check, judged)
        why_not = _keeps_remote(turn, name)
        if why_not:
            yield rule, answer, _Wish(proposal=f"reject {ident(name)} from other machines: {why_not}")
            continue
        yield rule, answer, _Wish(lines_above=tuple(_turned_away(turn, name, through)))


def _keeps_remote(turn: _Turn, name: str) -> str:
    policy = turn.policy
    if not policy.administrators.roles:
        return "the policy declares no [administrators]"
    if policy.is_declared(name):
        return "it is declared in the policy"
    if "sessions" in turn.snapshot.missing():
        return "its sessions of now could not be seen"
    if any(one.role == name and one.address for one in turn.snapshot.sessions):
        return "it is connected over the network now"
    return ""


def _turned_away(turn: _Turn, name: str, through: Sequence[Entry]) -> Iterator[str]:
    user = written_name(name, turn.snapshot.major)
    near = LOOPBACK | parse(turn.policy.networks.jump_hosts)
    first = min(one.rule.number for one in through)
    for entry in admissions(turn.snapshot):
        # what comes from near by a line at or below the new one is kept by a line above it
        if name in entry.logins and LOCAL not in entry.ways and entry.rule.number >= first:
            file, where, _ = turn.placed[entry.rule.file, entry.rule.line]
            for network in (entry.addresses & near).each_network():
                values: list[tuple[Field, str]] = [("user", user), ("address", network)]
                yield copied(turn.texts.files[file] or "", where, values)
    yield f"host all {user} all reject"
    if any(REPLICATION in one.databases for one in through):
        yield f"host replication {user} all reject"


def _everybody_wishes(turn: _Turn) -> Iterator[tuple[HbaRule, Answer, _Wish]]:
    """all all becomes the databases and logins of today that the line decides for, where they are few."""
    by_name = {rule_subject(rule).name: rule for rule in turn.snapshot.hba_rules}
    entries = deciding(turn.snapshot, lambda rule: True)
    for check, judged in turn.findings:
        rule = by_name.get(judged.finding.subject.name)
        if check != "hba-everyone-everywhere" or rule is None:
            continue
        some = entries.get(rule, [])
        databases = sorted({name for one in some for name in one.databases if name != REPLICATION})
        logins = login_names(some)
        few = 0 < len(databases) <= _MOST_DATABASES and 0 < len(logins) <= _MOST_LOGINS
        if not few or any(one.open for one in some):
            yield (
                rule,
                _answer(turn, check, judged),
                _Wish(proposal="which databases, and which roles (+group)"),
            )
            continue
        major = turn.snapshot.major
        values: tuple[tuple[Field, str], ...] = (
            ("database", ",".join(written_name(name, major) for name in databases)),
            ("user", ",".join(written_name(name, major) for name in logins)),
        )
        yield rule, _answer(turn, check, judged), _Wish(values)


def _verifiers(snapshot: Snapshot) -> dict[str, str] | None:
    if "verifiers" in snapshot.missing():
        return None
    return {row.role: row.kind for row in snapshot.verifiers}
