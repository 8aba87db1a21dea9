"""Grants on many objects that say the same: one statement, and one look at the catalog.

A login that a ward shares has the same rights on hundreds of tables. A statement and an assertion for each
would make files that nobody reads and assertions that a server plans for minutes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from pgguard.model.finding import Change
from pgguard.model.quote import ident, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# something hashable
Said = TypeVar("Said")
# as many names as a person still looks through
_AT_MOST = 100
_WIDTH = 100
_LOCK = "ROW EXCLUSIVE on system catalogs; readers and writers of the objects are not blocked"


class _Catalog(NamedTuple):
    table: str
    by_name: str
    acl: str
    owner: str
    kind: str


# keyword of GRANT -> where its ACLs are (kind: of acldefault)
_CATALOGS = {
    "TABLE": _Catalog("pg_class", "to_regclass", "relacl", "relowner", "r"),
    "SEQUENCE": _Catalog("pg_class", "to_regclass", "relacl", "relowner", "s"),
    "FUNCTION": _Catalog("pg_proc", "to_regprocedure", "proacl", "proowner", "f"),
    "PROCEDURE": _Catalog("pg_proc", "to_regprocedure", "proacl", "proowner", "f"),
}


def gathered(objects: Iterable[tuple[str, str, Said]]) -> Iterator[tuple[str, tuple[str, ...], Said]]:
    """(keyword, name, what is said of it) put together: keyword, names, and what is said of them all.

    At most a hundred names stand together; of kinds that are not looked at together each stands alone.
    """
    found: dict[tuple[str, Said], list[str]] = {}
    for keyword, name, said in objects:
        if keyword in _CATALOGS:
            found.setdefault((keyword, said), []).append(name)
        else:
            yield keyword, (name,), said
    for (keyword, said), names in found.items():
        for start in range(0, len(names), _AT_MOST):
            yield keyword, tuple(names[start : start + _AT_MOST]), said


def add_grants(
    keyword: str, names: Sequence[str], role: str, privileges: Sequence[str], *, database: str
) -> Change:
    """GRANT privileges on objects to a role that holds none of them on any."""
    what, on = ", ".join(privileges), _on(keyword, names)
    return Change(
        sql=f"GRANT {what} ON {on} TO {ident(role)};",
        undo=f"REVOKE {what} ON {on} FROM {ident(role)};",
        lock=_LOCK,
        database=database,
        planned=_no_grant(keyword, names, role, privileges, there=True),
        done=_every_grant(keyword, names, role, privileges),
    )


def take_grants(
    keyword: str, names: Sequence[str], role: str, privileges: Sequence[tuple[str, bool]], *, database: str
) -> Change:
    """REVOKE what the owners granted to a role; the undo grants it again, with its grant options."""
    wanted = [one for one, _ in privileges]
    what, on = ", ".join(wanted), _on(keyword, names)
    option = " WITH GRANT OPTION" if all(option for _, option in privileges) else ""
    return Change(
        sql=f"REVOKE {what} ON {on} FROM {ident(role)};",
        undo=f"GRANT {what} ON {on} TO {ident(role)}{option};",
        lock=_LOCK,
        database=database,
        planned=_every_grant(keyword, names, role, wanted),
        done=_no_grant(keyword, names, role, wanted),
    )


def _every_grant(keyword: str, names: Sequence[str], role: str, privileges: Sequence[str]) -> str:
    wanted = dict.fromkeys(map(literal, privileges))
    return (
        f"NOT EXISTS (SELECT FROM {_texts(map(literal, names))} AS t (name)\n"
        f"WHERE (SELECT pg_catalog.count(DISTINCT e.privilege_type) {_entries(keyword, role)} "
        f"AND e.privilege_type IN ({', '.join(wanted)})) < {len(wanted)})"
    )


def _no_grant(
    keyword: str, names: Sequence[str], role: str, privileges: Sequence[str], *, there: bool = False
) -> str:
    wanted = ", ".join(map(literal, privileges))
    lost = f"pg_catalog.{_CATALOGS[keyword].by_name}(t.name) IS NULL OR " if there else ""
    return (
        f"NOT EXISTS (SELECT FROM {_texts(map(literal, names))} AS t (name)\n"
        f"WHERE {lost}EXISTS (SELECT {_entries(keyword, role)} AND e.privilege_type IN ({wanted})))"
    )


def _entries(keyword: str, role: str) -> str:
    one = _CATALOGS[keyword]
    return (
        f"FROM pg_catalog.{one.table} AS o, LATERAL pg_catalog.aclexplode("
        f"coalesce(o.{one.acl}, pg_catalog.acldefault('{one.kind}', o.{one.owner}))) AS e\n"
        f"WHERE o.oid = pg_catalog.{one.by_name}(t.name) "
        f"AND pg_catalog.pg_get_userbyid(e.grantee) = {literal(role)}"
    )


def _on(keyword: str, names: Sequence[str]) -> str:
    written = _lines(names)
    return f"{keyword}{written}\n   " if written.startswith("\n") else f"{keyword} {written}"


def _texts(written: Iterable[str]) -> str:
    return f"pg_catalog.unnest(ARRAY[{_lines(list(written))}])"


def _lines(written: Sequence[str]) -> str:
    """The names parted by commas, on as many lines as they take."""
    lines = [""]
    for number, one in enumerate(written, 1):
        part = one if number == len(written) else f"{one},"
        if len(lines[-1]) + len(part) > _WIDTH and lines[-1]:
            lines.append("")
        lines[-1] += f" {part}" if lines[-1] else part
    return lines[0] if len(lines) == 1 else "".join(f"\n    {line}" for line in lines)
