"""The cheapest path of every login: the shortest that is its own, and needs nobody's help where possible."""

from __future__ import annotations

import heapq
from collections import deque
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.escalation import functions, loopback, objects, roles, touched
from pgguard.analysis.escalation.graph import (
    DISCLOSURE,
    EVERYBODY,
    TAKEOVER,
    Edge,
    Gate,
    Graph,
    Node,
    login,
    made_of,
    rights,
)
from pgguard.analysis.escalation.holders import passers
from pgguard.analysis.membership import plain_logins
from pgguard.model.rows import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pgguard.analysis.escalation.graph import Cut
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

# each is worse than any number of the one before: a step; the help of somebody else; what everybody may
# do instead of what the login itself may; an end that only shows
_STEP, _HELP, _PUBLIC, _DISCLOSES = 1, 10**4, 10**8, 10**12
# from a node the cost of the way to the end, and its first edge
Next = dict[Node, tuple[int, Edge]]
_READ = frozenset({"membership", "predefined-role", "replication", "server-function", "catalog-read"})
# powers as good as superuser that a role holds by itself
HELD = frozenset({"predefined-role", "createrole", "parameter", "language"})


class Path(NamedTuple):
    """How one login gets there: the steps that say something, in order; the last leads to `gains`."""

    login: str
    steps: tuple[Edge, ...]
    gains: str

    @property
    def takes_over(self) -> bool:
        """Whether it ends in making oneself superuser, not only in reading everything."""
        return any(power.name == self.gains for power in TAKEOVER)

    @property
    def by_objects(self) -> bool:
        """Whether it leads through objects, beyond what the login simply holds as a member or by a grant."""
        return any(step.kind not in _READ for step in self.steps)

    @property
    def is_held(self) -> bool:
        """Whether it ends in a power that the login holds by itself or by memberships, and nothing more."""
        kinds = {step.kind for step in self.steps}
        return kinds <= {"membership", *HELD} and not kinds.isdisjoint(HELD)

    @property
    def needs(self) -> tuple[str, ...]:
        """What others have to do first."""
        return tuple(dict.fromkeys(step.needs for step in self.steps if step.needs))

    @property
    def by_public(self) -> bool:
        """Whether it begins with what everybody may do."""
        return self.steps[0].source.state == "rights" and self.steps[0].source.name == PUBLIC

    def told(self, start: int = 0) -> str:
        """The path as one line, from the step of that number on."""
        line = " -> ".join(step.why for step in self.steps[start:])
        return f"{line}; it takes {' and '.join(self.needs)}" if self.needs else line


def graph(snapshot: Snapshot) -> Graph:
    """The graph of the snapshot's databases.

    Raises `Unread` when roles, memberships, ACLs, or a database's objects could not be read.
    """
    key = ("escalation graph", tuple(database.name for database in snapshot.inspected))
    known: Graph | None = snapshot._memo.get(key)
    if known is None:
        edges = list(roles.everywhere(snapshot))
        for database in snapshot.inspected:
            edges += _of_database(snapshot, database)
        gates = {edge.gate for edge in edges if edge.gate is not None}
        known = snapshot._memo[key] = made_of(edges, {gate: passers(snapshot, gate) for gate in gates})
    return known


def paths(snapshot: Snapshot) -> tuple[Path, ...]:
    """The cheapest path of every login that has one, superusers aside, in order of login.

    Raises `Unread` as `graph` does.
    """
    found = []
    for name, following in reach(graph(snapshot), plain_logins(snapshot)):
        path = path_from(login(name), name, following)
        if path is not None:
            found.append(path)
    return tuple(sorted(found))


def beyond_held(snapshot: Snapshot, names: Collection[str]) -> Iterator[Path]:
    """The cheapest path of each login that does not end in a power that it simply holds, if there is one.

    Raises `Unread` as `graph` does.
    """
    whole = graph(snapshot)
    for name, following in reach(whole, names):
        path = _beyond(whole, name, following)
        if path is not None:
            yield path


def _beyond(whole: Graph, name: str, following: Next) -> Path | None:
    start = login(name)
    ways: dict[Node, tuple[Edge, ...]] = {start: ()}
    acting: set[str] = {name}
    steps: list[tuple[int, tuple[Edge, ...]]] = []
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for edge in whole.out.get(node, ()):
            if edge.target == EVERYBODY or (edge.gate is not None and name not in whole.gates[edge.gate]):
                continue
            way = (*ways[node], edge)
            if edge.kind in ("implied", "membership") and edge.target.state != "power":
                acting.add(edge.target.name)
                if edge.target not in ways:
                    ways[edge.target] = way
                    queue.append(edge.target)
            elif edge.target in TAKEOVER and edge.kind not in HELD:
                steps.append((sum(map(_cost, way)), way))
            elif edge.kind not in HELD and edge.target in following:
                steps.append((sum(map(_cost, way)) + following[edge.target][0], way))
    # what leads back to a role that one acts as anyway is no way out
    steps = [one for one in steps if one[1][-1].target.name not in acting]
    if not steps:
        return None
    _, way = min(steps, key=lambda one: one[0])
    rest = path_from(way[-1].target, name, following)
    visible = tuple(edge for edge in way if edge.why)
    if rest is None:
        return Path(name, visible, way[-1].target.name) if visible else None
    return Path(name, visible + rest.steps, rest.gains)


def everybody(snapshot: Snapshot, names: Collection[str]) -> tuple[Path, tuple[str, ...]] | None:
    """The path that is open to PUBLIC, and those of the logins that it serves; None where there is none.

    Raises `Unread` as `graph` does.
    """
    served: dict[Path, list[str]] = {}
    for name, following in reach(graph(snapshot), names):
        path = path_from(EVERYBODY, PUBLIC, following)
        if path is not None:
            served.setdefault(path, []).append(name)
    if not served:
        return None
    first = max(served, key=lambda path: (path.takes_over, len(served[path])))
    return first, tuple(name for logins in served.values() for name in logins)


def path_from(start: Node, name: str, following: Next) -> Path | None:
    """The path that the next steps make from a node, or None."""
    node = start
    steps: list[Edge] = []
    while node in following:
        edge = following[node][1]
        if edge.why:
            steps.append(edge)
        node = edge.target
    return Path(name, tuple(steps), node.name) if steps else None


def reach(whole: Graph, names: Collection[str], without: Collection[Cut] = ()) -> Iterator[tuple[str, Next]]:
    """For each login the cost and the next step from every node to the end, without what was cut."""
    alike: dict[frozenset[Gate], list[str]] = {}
    for name in sorted(names):
        passed = frozenset(gate for gate, logins in whole.gates.items() if name in logins)
        alike.setdefault(passed, []).append(name)
    gone = frozenset(without)
    for passed, group in alike.items():
        following = _backwards(whole, passed, gone)
        for name in group:
            yield name, following


def _of_database(snapshot: Snapshot, database: DatabaseSnapshot) -> list[Edge]:
    name = database.name
    edges = [
        *functions.edges(snapshot, database),
        *touched.edges(snapshot, database),
        *objects.edges(snapshot, database),
        *loopback.edges(snapshot, database),
    ]
    acting = {edge.target.name for edge in edges if edge.target.state in ("code", "session")}
    edges += roles.inside(snapshot, name, acting)
    connect = Gate("connect", name)
    sources = {edge.source.name for edge in edges if edge.source.state == "rights" and edge.source.database}
    edges += [Edge("implied", rights(one), rights(one, name), gate=connect) for one in sources]
    return edges


def _backwards(whole: Graph, passed: frozenset[Gate], gone: frozenset[Cut]) -> Next:
    found: Next = {}
    order = count()
    queue: list[tuple[int, int, Node, Edge | None]] = []
    for power in TAKEOVER:
        heapq.heappush(queue, (0, next(order), power, None))
    for power in DISCLOSURE:
        heapq.heappush(queue, (_DISCLOSES, next(order), power, None))
    done: set[Node] = set()
    while queue:
        cost, _, node, by = heapq.heappop(queue)
        if node in done:
            continue
        done.add(node)
        if by is not None:
            found[node] = cost, by
        for edge in whole.into.get(node, ()):
            if edge.source in done or (edge.gate is not None and edge.gate not in passed):
                continue
            if edge.cut and edge.cut in gone:
                continue
            heapq.heappush(queue, (cost + _cost(edge), next(order), edge.source, edge))
    return found


def _cost(edge: Edge) -> int:
    cost = _STEP if edge.why else 0
    if edge.target == EVERYBODY:
        cost += _PUBLIC
    return cost + _HELP if edge.needs else cost
