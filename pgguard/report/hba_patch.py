"""A change of pg_hba.conf for people: who loses, gains and keeps what, the diff, what is left to decide."""

from __future__ import annotations

import difflib
import posixpath
import re
import textwrap
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.addresses import joined, parse
from pgguard.analysis.hba.edit import physical
from pgguard.analysis.hba.effect import demand, described
from pgguard.analysis.hba.index import REPLICATION
from pgguard.analysis.hba.rules import GSS, LOCAL, PLAIN, TLS
from pgguard.analysis.hba.text import lines as logical_lines
from pgguard.model.quote import ident
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.analysis.addresses import Addresses
    from pgguard.analysis.hba.decisions import Entry
    from pgguard.analysis.hba.effect import Cut, Effect
    from pgguard.model.plan import Answer
    from pgguard.model.rows import HbaRule
    from pgguard.plan.hba_patch import Changed, Patch, Proposal

_TITLES = {
    "loses": "Would lose their way in",
    "encrypts": "Would get in over TLS only",
    "gains": "Would gain a way in",
    "method": "Would be asked for something else",
    "keeps": "Keep their way in as it is",
}
_MOST_ROWS = 60
_MOST_NETWORKS = 4
_MOST_NAMES = 20
_CONTEXT = 3
_SECRET = re.compile(r"ldapbindpasswd|radiussecrets", re.IGNORECASE)


class Row(NamedTuple):
    """One line of the table: these logins, into these databases, from there; and what is said of it."""

    kind: str
    logins: tuple[str, ...]
    databases: tuple[str, ...]
    origin: str
    said: str


def rows(effects: Iterable[Effect]) -> tuple[Row, ...]:
    """The effects told together as far as they say the same, in the order of the table."""
    alike: dict[tuple[str, str], list[Entry]] = {}
    for effect, entry, rule, why, perhaps in effects:
        said = _said(effect, entry.rule, rule, why) + (" (perhaps)" if perhaps else "")
        alike.setdefault((effect, said), []).append(entry)
    found = [
        Row(kind, tuple(sorted(logins)), databases, origin, said)
        for (kind, said), entries in alike.items()
        for (databases, origin), logins in _merged(entries, with_origin=kind != "keeps").items()
    ]
    order = list(_TITLES)
    return tuple(sorted(found, key=lambda row: (order.index(row.kind), row.said, row.logins, row.origin)))


def _merged(entries: Sequence[Entry], *, with_origin: bool) -> dict[tuple[tuple[str, ...], str], set[str]]:
    """By databases and origin, the logins; however the entries cut it up."""
    of_login: dict[str, list[int]] = {}
    for number, entry in enumerate(entries):
        for name in entry.logins:
            of_login.setdefault(name, []).append(number)
    alike: dict[tuple[int, ...], list[str]] = {}
    for name, numbers in of_login.items():
        alike.setdefault(tuple(numbers), []).append(name)
    found: dict[tuple[tuple[str, ...], str], set[str]] = {}
    for some, names in alike.items():
        of_database: dict[str, dict[str, list[tuple[int, int]]]] = {}
        for number in some:
            for database in entries[number].databases:
                of_way = of_database.setdefault(database, {})
                for way in entries[number].ways:
                    of_way.setdefault(way, []).extend(entries[number].addresses.ranges)
        by_origin: dict[str, set[str]] = {}
        for database, of_way in of_database.items():
            together: dict[Addresses, set[str]] = {}
            for way, ranges in of_way.items():
                together.setdefault(joined(ranges), set()).add(way)
            for addresses, ways in together.items():
                origin = _origin(frozenset(ways), _networks(addresses)) if with_origin else ""
                by_origin.setdefault(origin, set()).add(database)
        for origin, databases in by_origin.items():
            found.setdefault((tuple(sorted(databases)), origin), set()).update(names)
    return found


def _networks(addresses: Addresses) -> str:
    """The addresses in the fewest words: what they are, or what is not among them."""
    parts = []
    for family, everything in (("0.0.0.0/0", parse(["0.0.0.0/0"])), ("::/0", parse(["::/0"]))):
        inside = addresses & everything
        outside = everything - inside
        if not inside:
            continue
        few, rest = (len(list(islice(one.each_network(), 64))) for one in (inside, outside))
        if few <= max(_MOST_NETWORKS, rest) or not outside:
            parts.append(inside.networks(_MOST_NETWORKS))
        else:
            parts.append(f"{family} without {outside.networks(_MOST_NETWORKS)}")
    return ", ".join(parts)


def table(
    effects: Sequence[Effect], cuts: Sequence[Cut], unknown: Sequence[str], *, width: int | None = None
) -> str:
    """Who loses, keeps and gains a way in, and whose method changes."""
    lines: list[str] = []
    found = rows(effects)
    for kind, title in _TITLES.items():
        some = [row for row in found if row.kind == kind]
        names = {name for row in some for name in row.logins}
        lines.append(f"{title}: {plural(len(names), 'login') if names else 'nobody'}")
        for row in some[:_MOST_ROWS]:
            lines += _wrapped(_told(row), width)
        if len(some) > _MOST_ROWS:
            rest = sorted({name for row in some[_MOST_ROWS:] for name in row.logins})
            lines += _wrapped(f"and {len(some) - _MOST_ROWS} more parts, of {_names(rest)}", width)
    if cuts:
        lines += ["", f"Connected now, and could not connect again: {plural(len(cuts), 'session')}"]
        told = dict.fromkeys(f"{described(cut.session).rstrip(',')}: {cut.why}" for cut in cuts)
        for text in list(told)[:_MOST_ROWS]:
            lines += _wrapped(text, width)
    lines += [f"Not known: {text}" for text in unknown]
    return "\n".join(visible(text) for text in lines) + "\n"


def proposals(some: Sequence[Proposal], most: int | None = None) -> str:
    """What is left to decide, one line each, cut after `most`; nothing where all was decided."""
    lines = [f"{posixpath.basename(one.file)}:{one.line} ({one.answer.check}): {one.text}" for one in some]
    if len(lines) < len(some):
        lines.append(f"and {len(some) - len(lines)} more, in pg_hba.md")
    return "".join(visible(f"    {text}") + "\n" for text in lines)


def diff(changed: Changed, major: int) -> str:
    """The unified diff of a file, each part headed by the checks whose findings it closes.

    From a password on, the line is shown as ***: such a diff is for reading only.
    """
    old, new = physical(changed.before), physical(changed.after)
    old_shown, new_shown = _shown(changed.before, major), _shown(changed.after, major)
    name = changed.path.lstrip("/")
    parts = [f"--- a/{name}\n", f"+++ b/{name}\n"]
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(_CONTEXT):
        answers = [
            answer.check
            for tag, _, _, low, high in group
            if tag != "equal"
            for line in changed.answers[low:high]
            for answer in line
        ]
        first, last = group[0], group[-1]
        heading = ", ".join(dict.fromkeys(answers))
        spans = f"-{_range(first[1], last[2])} +{_range(first[3], last[4])}"
        parts.append(f"@@ {spans} @@{' ' + heading if heading else ''}\n")
        for tag, old_low, old_high, new_low, new_high in group:
            if tag == "equal":
                parts += [_line(" ", line) for line in old_shown[old_low:old_high]]
                continue
            parts += [_line("-", line) for line in old_shown[old_low:old_high]]
            parts += [_line("+", line) for line in new_shown[new_low:new_high]]
    return "".join(parts)


def holds_secret(text: str) -> bool:
    """Whether a file's text holds a password for a directory."""
    return _SECRET.search(text) is not None


def document(patch: Patch, cuts: Sequence[Cut], unknown: Sequence[str]) -> str:
    """The change as a chapter of plan.md: what, why, who is concerned, what to do by hand."""
    lines = ["# pg_hba.conf", ""]
    if not patch.files:
        lines += ["Nothing is changed.", ""]
    for changed in patch.files:
        lines += [f"## {visible(changed.path)}", "", "| line | closes | seen |", "|---|---|---|"]
        places: dict[Answer, int] = {}
        for number, answers in enumerate(changed.answers, 1):
            for one in answers:
                places.setdefault(one, number)
        lines += [f"| {number} | {one.check} | {_cell(one.evidence)} |" for one, number in places.items()]
        lines += ["", "```diff", diff(changed, patch.before.major).rstrip("\n"), "```", ""]
    lines += [
        "## Who is concerned",
        "",
        "| what | logins | databases | from | how |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {_TITLES[row.kind].lower()} | {_cell(_names(row.logins))} | {_cell(_into(row))} "
        f"| {_cell(row.origin)} | {_cell(row.said)} |"
        for row in rows(patch.effects)
    ]
    if cuts:
        lines += ["", "Connected now, and could not connect again:", ""]
        lines += [f"* {_cell(f'{described(cut.session)} {cut.why}')}" for cut in cuts]
    if patch.proposals:
        lines += ["", "## For the DBA to decide", ""]
        lines += [f"* {_cell(line.strip())}" for line in proposals(patch.proposals).splitlines()]
    if unknown:
        lines += ["", "## Not known", ""]
        lines += [f"* {_cell(text)}" for text in unknown]
    lines += [
        "",
        "## Risk, and the way back",
        "",
        "Sessions that are open go on; the rules count for new ones. Put it in force on the server's own "
        "machine with `pgguard hba apply pg_hba.conf.new`, which keeps the old file beside it, tries a new "
        "connection and puts the old file back by itself when that fails; `pgguard hba restore` does so "
        "later.",
    ]
    return "\n".join(lines) + "\n"


def _said(kind: str, before: HbaRule, after: HbaRule | None, why: str) -> str:
    if kind == "method" and after is not None:
        return f"{_demanded(before)} becomes {_demanded(after)}"
    if kind in ("gains", "keeps"):
        return f"by {_demanded(before)}"
    return why


def _demanded(rule: HbaRule) -> str:
    method, names, wants = demand(rule)
    if method == "cert" or not wants:
        return method
    return f"{method} with {'its own' if names else 'any'} certificate"


def _origin(ways: frozenset[str], networks: str) -> str:
    if LOCAL in ways:
        return "by the socket"
    if PLAIN in ways:
        return f"from {networks}, {'with or without TLS' if TLS in ways else 'unencrypted'}"
    how = "over TLS" if TLS in ways else "with GSSAPI encryption" if GSS in ways else ""
    return f"from {networks}, {how}"


def _told(row: Row) -> str:
    place = f", {row.origin}" if row.origin else ""
    return f"{_names(row.logins)}, into {_into(row)}{place}: {row.said}"


def _into(row: Row) -> str:
    return _names(row.databases, replication="the whole cluster (replication)")


def _names(names: Sequence[str], *, replication: str = "") -> str:
    shown = [ident(name) if name != REPLICATION else replication for name in names[:_MOST_NAMES]]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(shown) + more


def _cell(text: str) -> str:
    return visible(text).replace("|", "\\|")


def _range(low: int, high: int) -> str:
    # as POSIX diff -u counts: an empty range is named by the line before it
    count = high - low
    return f"{low + 1 if count else low},{count}"


def _shown(text: str, major: int) -> list[str]:
    """The lines of a file without passwords, which may go on in the next line, and stand in comments too."""
    found: list[str] = []
    for line in logical_lines(text, major):
        parts = physical(text[line.start : line.end])
        joined = "".join(part.rstrip("\r\n").removesuffix("\\") for part in parts)
        secret = _SECRET.search(joined)
        if secret is not None:
            first = parts[0].rstrip("\r\n").removesuffix("\\")
            parts = [_masked(part, "***") for part in parts]
            kept = first[: secret.start()] + (secret[0] + "=" if secret.end() <= len(first) else "")
            parts[0] = kept + parts[0]
        found += parts
    return found


def _masked(part: str, by: str) -> str:
    return by + part[len(part.rstrip("\r\n")) :]


def _line(sign: str, line: str) -> str:
    return sign + line if line.endswith("\n") else f"{sign}{line}\n\\ No newline at end of file\n"


def _wrapped(text: str, width: int | None) -> Iterator[str]:
    if width is None:
        yield "    " + text
        return
    yield from textwrap.wrap(text, max(width, 60), initial_indent="    ", subsequent_indent="        ")
