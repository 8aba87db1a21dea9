"""A first pgguard.toml for a cluster: what can be told is told, what a person has to decide is a comment.

Nothing in a draft makes a finding silent. What would (an administrator, a service, a person, a network that
is not private) stands there as a proposal, a line with # and no space, to be completed and uncommented.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.store.policy_file import SCHEMA, parse, printable
from pgguard.store.policy_text import toml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pgguard.analysis.declarable import Declarable, Login
    from pgguard.model.policy import ColumnEntry

_OPEN = "?"


def draft(found: Declarable, server: str, columns: Sequence[ColumnEntry] | None = None) -> str:
    """The text of the draft; `server` in words says of what, `columns` are those a detector classified.

    Raises `PolicyError` when it would be no valid policy.
    """
    from pgguard.store.policy_columns import edited

    parts = [
        _head(server, found.unread),
        _networks(found),
        _administrators(found.administrators),
        _services(found.services),
        _people(found.people, found.shared),
        _classified(columns),
    ]
    text = edited("\n".join(parts), add=columns or ())
    parse(text, "the draft")
    return text


def _head(server: str, unread: Sequence[tuple[str, str]]) -> str:
    lines = [
        f"#:schema ./{SCHEMA}",
        f"# Drafted by `pgguard policy init` from {toml(server)}.",
        "#",
        "# A line that begins with # and no space is a proposal: decide, complete what says ?, and take",
        "# the # away. Until then nothing in this file makes a finding silent.",
        "# `pgguard policy check` names every mistake. Editors that know the schema complete and explain the",
        f"# keys: `pgguard policy schema -o {SCHEMA}` puts it here.",
    ]
    if unread:
        lines += ["#", "# This could not be read, and is missing below:"]
        lines += [f"# {section}: {toml(reason)}" for section, reason in unread]
    return _text(lines)


def _networks(found: Declarable) -> str:
    lines = [
        "# Where people and programs come from: private networks that pg_hba.conf names or sessions came",
        "# from. Narrow them to what is the house's own.",
        "[networks]",
    ]
    members = [f"    {toml(network)},  # {where}" for network, where in found.internal]
    members += [f"    #{toml(network)},  # {where}; not private" for network, where in found.outside]
    lines += ["internal = [", *members, "]"] if members else ["internal = []"]
    if found.standbys:
        lines += ["# where standby servers replicate from", f"#standbys = {toml(found.standbys)}"]
    if found.poolers:
        lines += ["# where connection poolers stand", f"#poolers = {toml(found.poolers)}"]
    return _text(lines)


def _administrators(logins: Sequence[Login]) -> str:
    lines = ["# Roles that may hold administrative powers: keep those that somebody answers for."]
    lines += ["[administrators]"]
    if logins:
        members = [f"    #{toml(one.name)},  # {printable(one.powers)}" for one in logins]
        lines += ["#roles = [", *members, "#]"]
    return _text(lines)


def _services(logins: Sequence[Login]) -> str:
    lines = ["# Logins that programs use: who answers for each, for what, and where it comes from."]
    for one in logins:
        lines += ["", _seen(one), "#[[service]]", f"#role = {toml(one.name)}"]
        lines += [f"#owner = {toml(_OPEN)}", f"#purpose = {toml(_OPEN)}"]
        if one.origins:
            lines.append(f"#origins = {toml(one.origins)}")
        if one.applications:
            lines.append(f"#applications = {toml(one.applications)}")
    return _text(lines)


def _people(logins: Sequence[Login], shared: Sequence[Login]) -> str:
    lines = ["# The roster: the person that each login is of; `until = 2027-06-30` when one leaves."]
    for one in logins:
        lines += ["", _seen(one), "#[[person]]", f"#name = {toml(_OPEN)}", f"#role = {toml(one.name)}"]
        lines.append(f"#function = {toml(_OPEN)}")
    if shared:
        lines += ["", "# Several people may stand behind these: see `pgguard roster draft`."]
        lines += [_seen(one) for one in shared]
    return _text(lines)


def _classified(columns: Sequence[ColumnEntry] | None) -> str:
    if columns is None:
        return "# Columns: `pgguard discover` writes here which hold personal or health data.\n"
    return "# Columns, as their names tell. Who knows better sets the category and decided_by.\n"


def _seen(login: Login) -> str:
    if not login.origins and not login.by_socket:
        return f"# {toml(login.name)}: no session was seen"
    where = [*login.origins, *(["the local socket"] if login.by_socket else [])]
    return f"# {toml(login.name)}: sessions from {', '.join(where)}" + _by(login.applications)


def _by(applications: Iterable[str]) -> str:
    named = ", ".join(toml(one) for one in applications)
    return f" by {named}" if named else ""


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines) + "\n"
