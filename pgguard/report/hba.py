"""Answers about pg_hba.conf: for a terminal, as JSON, and as CSV for a batch of questions."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from typing import TYPE_CHECKING

from pgguard.analysis.hba import login_names, logins_of
from pgguard.analysis.hba.ask import COLUMNS
from pgguard.analysis.hba.index import REPLICATION
from pgguard.analysis.hba.rules import (
    LOCAL,
    PLAIN,
    TLS,
    authenticates,
    is_named,
    line,
    place,
    written_address,
)
from pgguard.model.quote import ident
from pgguard.report.text import plural, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pgguard.analysis.hba.ask import Asked, Explained, Row
    from pgguard.analysis.hba.decisions import Entry
    from pgguard.analysis.hba.explain import Match, Passed
    from pgguard.model.rows import HbaRule

_ASKS = {
    "trust": "nothing at all",
    "reject": "nothing, and turns everybody away",
    "password": "the password, which crosses the connection as it is",
    "md5": "the password (md5, or SCRAM where that is stored)",
    "scram-sha-256": "the password (scram-sha-256)",
    "peer": "the account of the operating system that belongs to the login",
    "ident": "what the client's machine says about its user",
    "cert": "a client certificate that names the login",
    "gss": "a Kerberos ticket",
    "sspi": "a Windows log-on",
    "ldap": "the password of the directory (ldap)",
    "radius": "the password of the RADIUS server",
    "pam": "the password of the operating system (pam)",
    "bsd": "the password of the operating system (bsd)",
    "oauth": "a token (oauth)",
}
# the weakest first
_ORDER = ("trust", "ident", "password", "md5", "peer")
_MOST_PARTS = 8
_MOST_NAMES = 12
# in a large cluster a rule for everybody would list them all in each of its parts
_MANY_LOGINS = 100
_MOST_RULES_BEFORE = 200


def explain_terminal(explained: Explained, *, width: int | None = None) -> str:
    """The answer to one question for people."""
    asked, match, passed, obstacles, unknown = explained
    lines = [_question(asked), ""]
    if match.rule is None:
        lines.append("No rule fits, so the server turns it away.")
    else:
        lines.append(f"{place(match.rule)} decides: {line(match.rule)}")
        lines.append(f"It asks for {_asks(match.rule)}.")
        if obstacles and match.rule.method != "reject":
            lines.append(f"All the same it is not let in: {', and '.join(obstacles)}.")
    for rule in match.perhaps:
        lines.append(
            f"Perhaps {place(rule)} decides before it ({line(rule)}): whether it fits is not in the snapshot."
        )
    lines += [f"Not known: {text}" for text in unknown]
    if passed:
        shown = passed[-_MOST_RULES_BEFORE:]
        lines += ["", f"{plural(len(passed), 'rule')} before it" if match.rule else "The rules"]
        if len(shown) < len(passed):
            lines.append(f"    (the first {len(passed) - len(shown)} are left out; --format json has them)")
        wide = max(len(line(one.rule)) for one in shown)
        for one in shown:
            lines.append(f"    {place(one.rule)}  {line(one.rule):<{wide}}  {_why(one, asked)}")
    return "\n".join(visible(text) for text in lines) + "\n"


def explain_json(explained: Explained) -> str:
    """The answer to one question for programs."""
    asked, match, passed, obstacles, unknown = explained
    document = {
        **asked._asdict(),
        **_decided(match),
        "rule": None if match.rule is None else line(match.rule),
        "let_in": match.rule is not None and not obstacles,
        "obstacles": list(obstacles),
        "perhaps": [{"file": one.file, "line": one.line, "rule": line(one)} for one in match.perhaps],
        "passed": [
            {"file": one.rule.file, "line": one.rule.line, "rule": line(one.rule), "reason": _why(one, asked)}
            for one in passed
        ],
        "unknown": list(unknown),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def batch_csv(rows: Iterable[Row], answers: Iterable[Match | None]) -> str:
    """The answers to a batch, `none` where no rule fits, `unknown` where the snapshot cannot tell.

    A rule of an included file has the file before its line; a row that is no question is `invalid`.
    """
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow([*COLUMNS, "line", "method"])
    for row, match in zip(rows, answers, strict=True):
        if match is None:
            table.writerow([*row.cells, "", "invalid"])
        elif len(match.outcomes) > 1:
            table.writerow([*row.cells, "", "unknown"])
        elif match.rule is None:
            table.writerow([*row.cells, "", "none"])
        else:
            table.writerow([*row.cells, _line_number(match.rule), match.rule.method])
    return written.getvalue()


def reach_terminal(entries: Sequence[Entry], unknown: Sequence[str], *, width: int | None = None) -> str:
    """Who gets in from where, the least protected first, for people."""
    lines: list[str] = []
    by_rule: dict[int, list[Entry]] = {}
    for entry in entries:
        by_rule.setdefault(entry.rule.number, []).append(entry)
    demands: dict[tuple[int, str, str], list[list[Entry]]] = {}
    for some in by_rule.values():
        rule = some[0].rule
        demands.setdefault((_weakness(rule), rule.method, _asks(rule)), []).append(some)
    if not entries:
        lines += ["Nobody gets in.", ""]
    for (_, method, asks), rules in sorted(demands.items()):
        logins = login_names([entry for some in rules for entry in some])
        lines.append(f"{method}: {plural(len(logins), 'login')}, asked for {asks}")
        for some in rules:
            lines += _rule(some, width)
        lines.append("")
    lines += [f"Not known: {text}" for text in unknown]
    return "\n".join(visible(text) for text in lines).rstrip() + "\n"


def reach_json(entries: Sequence[Entry], unknown: Sequence[str]) -> str:
    """Who gets in from where, for programs: each entry is a product of its lists, and all are disjoint.

    Where an entry is for most of many logins it lists the others, as `all_logins_but`.
    """
    everybody = logins_of(entries)

    def logins(entry: Entry) -> dict[str, list[str]]:
        if everybody is not None and 2 * len(entry.logins) > len(everybody) > _MANY_LOGINS:
            return {"all_logins_but": list(everybody - entry.logins)}
        return {"logins": list(entry.logins)}

    found = [
        {
            "file": entry.rule.file,
            "line": entry.rule.line,
            "rule": line(entry.rule),
            "method": entry.rule.method,
            "authenticated": authenticates(entry.rule),
            "ways": sorted(entry.ways),
            "addresses": [] if LOCAL in entry.ways else list(entry.addresses.each_network()),
            "databases": [name for name in entry.databases if name != REPLICATION],
            "replication": REPLICATION in entry.databases,
            **logins(entry),
            "perhaps": entry.open,
        }
        for entry in entries
    ]
    document = {"logins": list(everybody or ()), "entries": found, "unknown": list(unknown)}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _rule(entries: Sequence[Entry], width: int | None) -> list[str]:
    rule = entries[0].rule
    lines = [f"    {place(rule)}  {line(rule)}"]
    for entry in entries[:_MOST_PARTS]:
        perhaps = "perhaps " if entry.open else ""
        names = _shortened([ident(name) for name in entry.logins], _MOST_NAMES)
        into = _shortened(list(_databases(entry)), _MOST_NAMES)
        text = f"{perhaps}{_origin(entry)}, into {into}: {names}"
        lines += _wrapped(text, width)
    if len(entries) > _MOST_PARTS:
        lines.append(f"        and {len(entries) - _MOST_PARTS} more parts (--format json has them all)")
    return lines


def _databases(entry: Entry) -> Iterator[str]:
    yield from (ident(name) for name in entry.databases if name != REPLICATION)
    if REPLICATION in entry.databases:
        yield "the whole cluster (replication)"


def _origin(entry: Entry) -> str:
    if LOCAL in entry.ways:
        return "by the socket"
    places = entry.rule.address if is_named(entry.rule) else entry.addresses.networks(4)
    return f"from {places} {_encryption(entry.ways)}"


def _encryption(ways: frozenset[str]) -> str:
    # GSSAPI encryption is rare enough to be named only where it is the only one
    if PLAIN in ways:
        return "with or without TLS" if TLS in ways else "unencrypted"
    return "over TLS" if TLS in ways else "with GSSAPI encryption"


def _question(asked: Asked) -> str:
    socket = asked.address.strip("[]").lower() == "local"
    way = "by the socket" if socket else f"from {asked.address} {'over TLS' if asked.tls else 'unencrypted'}"
    return f"{ident(asked.user)} to {ident(asked.database)} {way}"


def _asks(rule: HbaRule) -> str:
    asked = _ASKS.get(rule.method, rule.method)
    if rule.method == "cert":
        return asked
    if "clientcert=verify-full" in rule.options:
        named = "a client certificate that names the login"
        return named if rule.method == "trust" else f"{asked}, and {named}"
    if any(option.startswith("clientcert=") for option in rule.options):
        anybody = "any client certificate"
        return anybody if rule.method == "trust" else f"{asked}, and {anybody}"
    return asked


def _weakness(rule: HbaRule) -> int:
    if rule.method == "trust" and authenticates(rule):
        return len(_ORDER)
    return _ORDER.index(rule.method) if rule.method in _ORDER else len(_ORDER)


def _why(passed: Passed, asked: Asked) -> str:
    rule = passed.rule
    match passed.reason:
        case "type":
            return _why_type(rule, asked)
        case "address":
            if rule.address == "samehost":
                return f"{asked.address} is not an address of the server"
            return f"{asked.address} is not in {written_address(rule)}"
        case "database":
            if rule.databases == ("replication",):
                return "is for replication only"
            return f"database {ident(asked.database)} is not among {_shortened(list(rule.databases), 6)}"
        case "user":
            return f"user {ident(asked.user)} is not among {_shortened(list(rule.users), 6)}"
        case _:
            return "perhaps it fits: that is not in the snapshot"


def _why_type(rule: HbaRule, asked: Asked) -> str:
    if rule.type == "local":
        return "is for the socket"
    if asked.address.strip("[]").lower() == "local":
        return "is for TCP"
    return {
        "hostssl": "wants TLS",
        "hostnossl": "is for connections without TLS",
        "hostgssenc": "wants GSSAPI encryption",
    }.get(rule.type, f"{rule.type} does not fit")


def _decided(match: Match) -> dict[str, object]:
    if len(match.outcomes) > 1:
        return {"file": None, "line": None, "method": "unknown"}
    if match.rule is None:
        return {"file": None, "line": None, "method": "none"}
    return {"file": match.rule.file, "line": match.rule.line, "method": match.rule.method}


def _line_number(rule: HbaRule) -> str:
    included = rule.file and not rule.file.endswith("pg_hba.conf")
    return f"{rule.file}:{rule.line}" if included else str(rule.line)


def _shortened(names: list[str], most: int) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _wrapped(text: str, width: int | None) -> list[str]:
    first, then = "        ", "            "
    if width is None:
        return [first + text]
    return textwrap.wrap(text, max(width, 60), initial_indent=first, subsequent_indent=then) or [first]
