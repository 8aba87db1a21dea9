"""Entries of the audit for people: one line each, and below it what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.report.audit_ecs import claimant
from pgguard.report.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pgguard.model.audit_entry import ColumnChange, Entry

_LONGEST = 200
NO_AUDITOR = b"\x00"


def lines(entries: Iterable[Entry]) -> Iterator[str]:
    """The entries in the order in which they come."""
    for one in entries:
        row = [f"{one.at:%Y-%m-%d %H:%M:%S.%f}Z", one.verb, one.relation or one.object]
        if one.key:
            row.append(f"row {one.key}")
        if one.subject:
            moved = one.subject_before not in ("", one.subject)
            before = f" (before: {one.subject_before})" if moved else ""
            row.append(f"of {one.subject}{before}")
        row.append(f"by {who(one)}")
        yield visible("  ".join(row)) + "\n"
        told = what(one)
        if told:
            yield visible(f"    {told}") + "\n"


def who(entry: Entry) -> str:
    """The login, and what else is known: role, authenticated identity, claim, address, program."""
    said = [entry.login]
    if entry.role:
        said.append(f"as {entry.role}")
    identity = entry.authenticated.partition(":")[2] or entry.authenticated
    if identity and identity != entry.login:
        said.append(f"authenticated {entry.authenticated}")
    name, signed = claimant(entry)
    if name:
        said.append(f"for {name} ({'signed claim' if signed else 'unsigned claim'})")
    if entry.client:
        said.append(f"from {entry.client}")
    if entry.application:
        said.append(f"with {entry.application}")
    return " ".join(said)


def what(entry: Entry) -> str:
    """What changed: values of plain columns, of others what was recorded instead; empty for nothing known."""
    if entry.erased:
        return "erased: the row's key, the patient and the values were taken out of this entry"
    if entry.shape is None:
        pairs = zip(entry.old, entry.new, strict=False)
        return "; ".join(f"{_shown(before)} -> {_shown(after)}" for before, after in pairs)
    said = [_told(one, entry) for one in entry.changes]
    if entry.object:
        said.append(entry.object)
    if entry.sealed == NO_AUDITOR:
        said.append("not sealed: there was no key of an auditor")
    return "; ".join(one for one in said if one)


def _told(change: ColumnChange, entry: Entry) -> str:
    if change.recorded == "mark":
        # that an inserted or deleted row had this column says nothing
        return f"{change.name} changed" if entry.verb == "UPDATE" else ""
    if change.recorded == "sealed":
        return f"{change.name} sealed" if entry.sealed else ""
    if change.recorded == "encrypted":
        return f"{change.name} encrypted"
    if change.before is None and change.after is None:
        return ""
    kind = "digest " if change.recorded == "digest" else ""
    if entry.verb == "UPDATE":
        return f"{change.name}: {kind}{_shown(change.before)} -> {kind}{_shown(change.after)}"
    return f"{change.name}: {kind}{_shown(change.before if change.after is None else change.after)}"


def _shown(value: str | None) -> str:
    if value is None:
        return "NULL"
    return repr(value if len(value) <= _LONGEST else value[:_LONGEST] + "...")
