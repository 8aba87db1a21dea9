"""The graph of escalation: what a login has come to hold, and the steps from one holding to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pgguard.model.finding import Change

EdgeKind = Literal[
    "implied",
    "membership",
    "admin-option",
    "createrole",
    "password",
    "ownership",
    "predefined-role",
    "parameter",
    "replication",
    "grant",
    "server-function",
    "language",
    "catalog-read",
    "catalog-view",
    "definer-search-path",
    "definer-injection",
    "definer-roles",
    "definer-call",
    "trigger",
    "expression",
    "event-trigger",
    "search-path",
    "loopback",
]


class Node(NamedTuple):
    """Something held. What is held only inside one database names it, else `database` is empty.

    state: `login` (a connection as the role, its password known), `session` (SET ROLE to it works),
    `code` (SQL of one's choice runs as the role), `rights` (the role's privileges, not its
    attributes), `object` (an object works for one), `power` (the end: see below).
    """

    state: str
    name: str
    database: str = ""


SUPERUSER = Node("power", "superuser")
PROGRAMS = Node("power", "programs of the server's account")
WRITE_FILES = Node("power", "writing the server's files")
CONFIGURATION = Node("power", "the server's configuration")
READ_FILES = Node("power", "reading the server's files")
VERIFIERS = Node("power", "password verifiers")
COPY = Node("power", "a copy of the whole cluster")
# with these one makes oneself superuser
TAKEOVER = (SUPERUSER, PROGRAMS, WRITE_FILES, CONFIGURATION)
# these show everything and change nothing
DISCLOSURE = (READ_FILES, VERIFIERS, COPY)
EVERYBODY = Node("rights", PUBLIC)


class Gate(NamedTuple):
    """What a login must be able to do before an edge serves it.

    what: `connect` to the database; `create` objects in the schema (empty: in any, or a schema of its
    own); `temporary` objects in the database; `function`: either of the two, in any schema.
    """

    what: str
    database: str
    schema: str = ""


Cut = tuple["Change", ...]


class Edge(NamedTuple):
    """One step.

    `why` is a sentence, empty where one holding is part of the other. `needs` says what somebody
    else has to do first, empty for nothing. `cut` are the changes that take the step away together;
    none: only what comes before it can be taken away. `gate` None lets everybody through.
    """

    kind: EdgeKind
    source: Node
    target: Node
    why: str = ""
    needs: str = ""
    cut: Cut = ()
    gate: Gate | None = None


class Graph(NamedTuple):
    """Every edge, by where it leads and by where it starts, and who passes which gate."""

    into: Mapping[Node, Sequence[Edge]]
    out: Mapping[Node, Sequence[Edge]]
    gates: Mapping[Gate, frozenset[str]]


def made_of(edges: Iterable[Edge], gates: Mapping[Gate, frozenset[str]]) -> Graph:
    """A graph of these edges."""
    into: dict[Node, list[Edge]] = {}
    out: dict[Node, list[Edge]] = {}
    for edge in edges:
        into.setdefault(edge.target, []).append(edge)
        out.setdefault(edge.source, []).append(edge)
    return Graph(into, out, gates)


def login(role: str) -> Node:
    """A connection as the role."""
    return Node("login", role)


def session(role: str, database: str = "") -> Node:
    """A session that can SET ROLE to it."""
    return Node("session", role, database)


def code(role: str, database: str = "") -> Node:
    """SQL of one's choice, run as the role."""
    return Node("code", role, database)


def rights(role: str, database: str = "") -> Node:
    """The role's privileges; PUBLIC's for everybody's."""
    return Node("rights", role, database)
