"""The whole comparison: every area in turn, and what could not be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pgguard.analysis.drift import (
    access,
    authentication,
    code,
    data_flows,
    objects,
    roles,
    row_security,
    sensitive,
    settings,
    shifts,
    superuser,
)
from pgguard.analysis.drift.comparison import compared, not_inspected
from pgguard.analysis.drift.difference import Difference, Drift, Look, Uncompared, ordered
from pgguard.analysis.drift.reach import Parts
from pgguard.analysis.escalation.paths import graph
from pgguard.analysis.hba.rules import require_loaded
from pgguard.errors import Unread
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from pgguard.analysis.drift.comparison import Comparison, Pair
    from pgguard.model.policy import Policy
    from pgguard.model.section import Sections
    from pgguard.model.snapshot import Snapshot

_PEOPLE = ("roles", "memberships", "databases", "cluster_acls")
_OBJECTS = ("acls", "schemas", "relations", "columns", "functions")


class _Area(NamedTuple):
    """What an area is about, in words that follow "could not be compared:", the sections that it takes of the
    cluster and of a database, and what finds its differences."""

    what: str
    cluster: tuple[str, ...]
    database: tuple[str, ...]
    find: Callable[[Comparison], Iterable[Difference]] | None = None
    find_in: Callable[[Comparison, Pair], Iterable[Difference]] | None = None


_AREAS = (
    _Area("logins and roles", ("roles", "memberships"), (), roles.logins),
    _Area("how passwords are stored", ("roles", "verifiers"), (), roles.passwords),
    _Area("memberships", ("roles", "memberships"), (), roles.members),
    _Area("who gets in by pg_hba.conf", (*_PEOPLE, "hba_rules", "settings"), (), authentication.find),
    _Area("identity maps", ("hba_rules",), (), objects.ident_rules),
    _Area("parameters", ("settings",), (), settings.of_cluster),
    _Area("parameters that the inspecting session hides", ("settings",), (), settings.require_shown),
    _Area("parameters of roles and databases", ("roles", "role_settings", "settings"), (), settings.of_roles),
    _Area("databases", ("databases",), (), objects.databases),
    _Area("replication slots", ("slots",), (), data_flows.slots),
    _Area("the server's version", ("server_rows",), (), objects.version),
    _Area(
        "who may use databases, tablespaces and parameters",
        (*_PEOPLE, "tablespaces", "parameter_acls"),
        (),
        lambda comparison: access.find(comparison, shifts.in_cluster(comparison), None),
    ),
    _Area(
        "triggers",
        (),
        ("triggers", "relations", "columns", "functions", "definitions"),
        find_in=code.triggers,
    ),
    _Area("audited tables", (), ("audited_tables", "relations"), find_in=code.audited),
    _Area("rules", (), ("rules", "relations", "definitions"), find_in=code.rules),
    _Area("event triggers", (), ("event_triggers", "functions"), find_in=code.event_triggers),
    _Area(
        "functions",
        (),
        ("functions", "definitions", "triggers", "event_triggers"),
        find_in=code.changed_functions,
    ),
    _Area("views", (), ("relations", "definitions"), find_in=code.views),
    _Area("row security", (), ("relations", "columns"), find_in=row_security.switches),
    _Area(
        "row policies",
        (),
        ("row_policies", "relations", "columns", "definitions"),
        find_in=row_security.policies,
    ),
    _Area("owners", (), ("relations", "columns", "functions", "schemas"), find_in=objects.owners),
    _Area("grant options", (), _OBJECTS, find_in=objects.grant_options),
    _Area("default privileges", (), ("default_acls", "acls"), find_in=objects.default_privileges),
    _Area("extensions", (), ("extensions",), find_in=objects.extensions),
    _Area(
        "publications",
        (),
        ("publications", "publication_tables", "relations", "columns"),
        find_in=data_flows.publications,
    ),
    _Area("subscriptions", (), ("subscriptions",), find_in=data_flows.subscriptions),
    _Area("foreign servers", (), ("foreign_servers",), find_in=data_flows.foreign),
    _Area("user mappings", (), ("user_mappings",), find_in=data_flows.user_mappings),
    _Area("sensitive columns", (), sensitive.CLASSIFIED_BY, find_in=sensitive.columns),
    _Area(
        "how sensitive columns are stored",
        (),
        (*sensitive.CLASSIFIED_BY, *sensitive.STORED_BY),
        find_in=sensitive.encryption,
    ),
)
_ACCESS = "who can read, write or call what"
_ROUTES = f"{_ACCESS} through views, functions, rules and triggers"
_ROWS = "whether row security limits the rows"
_ACCESS_SECTIONS = (
    *_OBJECTS,
    "languages",
    "foreign_data_wrappers",
    "foreign_servers",
    "large_objects",
)


def drift(before: Snapshot, after: Snapshot, policy: Policy, *, only: Collection[str] | None = None) -> Drift:
    """What changed between two snapshots in terms of access; nothing is taken for unchanged that one of them
    could not read.

    Both may be of one cluster at two times or of two clusters; `policy` says what is sensitive. What is
    missing raises nothing: it is in `uncompared`. With `only`, databases of other names were left out on
    purpose, and that they were not looked into is not told.
    """
    return _Comparing(before, after, policy).drift(only)


class _Comparing:
    def __init__(self, before: Snapshot, after: Snapshot, policy: Policy) -> None:
        self.comparison = compared(before, after, policy)
        self.uncompared: dict[tuple[str, str, str, str], list[str]] = {}
        self.found: list[Difference] = []

    def drift(self, only: Collection[str] | None) -> Drift:
        before, after = self.comparison.as_read, self.comparison.after
        for area in _AREAS:
            self._run(area)
        for pair in self.comparison.pairs:
            self._access(pair)
        self._superuser()
        self._loaded()
        for name, side in not_inspected(before, after, only):
            self._note(f"everything in database {ident(name)}", side, "", "it was not looked into", name)
        return Drift(_look(before), _look(after), ordered(self.found), tuple(self._notes()))

    def _run(self, area: _Area) -> None:
        if not self._have(area.what, area.cluster, self.comparison.as_read, self.comparison.after):
            return
        if area.find is not None:
            self._take(area.what, lambda: area.find(self.comparison))  # type: ignore[misc]
            return
        for pair in self.comparison.pairs:
            if self._have(area.what, area.database, *pair, name=pair.name):
                self._take(area.what, lambda pair=pair: area.find_in(self.comparison, pair))  # type: ignore[misc]

    def _access(self, pair: Pair) -> None:
        before, after = self.comparison.as_read, self.comparison.after
        if not self._have(_ACCESS, _PEOPLE, before, after):
            return
        if not self._have(_ACCESS, _ACCESS_SECTIONS, *pair, name=pair.name):
            return
        parts = Parts(
            routes=self._have(_ROUTES, shifts.ROUTES, *pair, name=pair.name),
            row_security=self._have(_ROWS, shifts.ROW_SECURITY, *pair, name=pair.name),
        )
        self._take(
            _ACCESS,
            lambda: access.find(self.comparison, shifts.in_database(self.comparison, pair, parts), pair.name),
        )

    def _superuser(self) -> None:
        what = "who can become superuser"
        pairs = self.comparison.pairs
        try:
            before, after = self._sides(pairs)
            try:
                graph(before), graph(after)
            except Unread as unread:
                if unread.database is None:
                    raise
                before, after = self._sides([pair for pair in pairs if self._has_graph(what, pair)])
            self.found += superuser.find(self.comparison, before, after)
        except Unread as unread:
            self._unread(what, unread)

    def _sides(self, pairs: Sequence[Pair]) -> tuple[Snapshot, Snapshot]:
        """Both sides with the databases of these pairs only."""
        comparison = self.comparison
        return (
            comparison.before.only(*(pair.before.name for pair in pairs)),
            comparison.after.only(*(pair.after.name for pair in pairs)),
        )

    def _has_graph(self, what: str, pair: Pair) -> bool:
        """Whether both sides' paths through a database can be drawn; what is in the way is noted."""
        fine = True
        for side, snapshot, database in (
            ("before", self.comparison.before, pair.before),
            ("after", self.comparison.after, pair.after),
        ):
            try:
                graph(snapshot.only(database.name))
            except Unread as unread:
                if unread.database is None:
                    raise
                self._note(what, side, unread.section, unread.reason, unread.database)
                fine = False
        return fine

    def _loaded(self) -> None:
        for side, snapshot in (("before", self.comparison.as_read), ("after", self.comparison.after)):
            try:
                require_loaded(snapshot)
            except Unread as unread:
                if unread.section != "hba_rules":
                    self._note("who gets in by pg_hba.conf", side, unread.section, unread.reason)

    def _take(self, what: str, find: Callable[[], Iterable[Difference]]) -> None:
        try:
            self.found += list(find())
        except Unread as unread:
            self._unread(what, unread)

    def _have(
        self, what: str, sections: Sequence[str], before: Sections, after: Sections, *, name: str = ""
    ) -> bool:
        """Whether both sides have all these sections; what one has not is noted."""
        gone = {side: one.missing() for side, one in (("before", before), ("after", after))}
        fine = True
        for side, missing in gone.items():
            whole = len(missing) == len((before if side == "before" else after).section_types())
            for section in sections:
                if section in missing:
                    fine = False
                    self._note(what, side, "" if whole else section, missing[section], name)
        return fine

    def _unread(self, what: str, unread: Unread) -> None:
        """Notes what was touched unforeseen; which side it was is asked of both."""
        sides = [
            side
            for side, snapshot in (("before", self.comparison.as_read), ("after", self.comparison.after))
            for where, section, _ in snapshot.all_missing()
            if section == unread.section and (where or "") == (unread.database or "")
        ]
        for side in dict.fromkeys(sides or ["both"]):
            self._note(what, side, unread.section, unread.reason, unread.database or "")

    def _note(self, what: str, side: str, section: str, reason: str, database: str = "") -> None:
        whats = self.uncompared.setdefault((database, section, side, reason), [])
        if what not in whats:
            whats.append(what)

    def _notes(self) -> Iterator[Uncompared]:
        done: set[tuple[str, str, str]] = set()
        for (database, section, side, reason), whats in self.uncompared.items():
            if (database, section, reason) in done:
                continue
            other = self.uncompared.get(
                (database, section, "after" if side == "before" else "before", reason)
            )
            both = other == whats
            if both:
                done.add((database, section, reason))
            what = (
                f"everything in database {ident(database)}" if database and not section else ", ".join(whats)
            )
            yield Uncompared(what, "both" if both else side, section, reason, database or None)


def _look(snapshot: Snapshot) -> Look:
    server = snapshot.server
    return Look(snapshot.target, server.version, server.now)
