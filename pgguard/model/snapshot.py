"""Snapshot: one consistent read of a cluster, as values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.errors import Unread
from pgguard.model import rows
from pgguard.model.section import Missing, Sections, section

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from pgguard.model.audit_alarm import Feed
    from pgguard.model.folders import FolderLook
    from pgguard.model.observation import Observations
    from pgguard.model.overdue import Overdue
    from pgguard.model.register import Document
    from pgguard.model.supervision import Supervision

__all__ = ["DatabaseSnapshot", "Missing", "Sections", "Snapshot", "section"]


class DatabaseSnapshot(Sections):
    """What belongs to one database; `database` is its name.

    `samples` are what was counted in values; None when nobody asked for it (--sample).
    """

    samples: tuple[rows.ColumnSample, ...] | None = None

    schemas = section(rows.Schema)
    relations = section(rows.Relation)
    columns = section(rows.Column)
    comments = section(rows.Comment)
    column_labels = section(rows.ColumnLabels)
    constraints = section(rows.Constraint)
    indexes = section(rows.Index)
    column_settings = section(rows.ColumnSetting)
    dropped_columns = section(rows.DroppedColumns)
    planner_statistics = section(rows.PlannerStatistics)
    extended_statistics = section(rows.ExtendedStatistics)
    row_policies = section(rows.RowPolicy)
    functions = section(rows.Function)
    definitions = section(rows.Definition)
    triggers = section(rows.Trigger)
    rules = section(rows.Rule)
    view_columns = section(rows.ViewColumn)
    event_triggers = section(rows.EventTrigger)
    default_acls = section(rows.DefaultAcl)
    large_objects = section(rows.LargeObjects)
    languages = section(rows.Language)
    foreign_data_wrappers = section(rows.ForeignDataWrapper)
    foreign_servers = section(rows.ForeignServer)
    user_mappings = section(rows.UserMapping)
    extensions = section(rows.Extension)
    available_extensions = section(rows.AvailableExtension)
    publications = section(rows.Publication)
    publication_tables = section(rows.PublicationTable)
    subscriptions = section(rows.Subscription)
    statements = section(rows.Statement)
    audit_evidence = section(rows.AuditEvidence)
    audited_tables = section(rows.AuditedTable)
    acls = section(rows.Acl)

    @property
    def name(self) -> str:
        """The database's name."""
        return self.database

    def sampled(self, samples: Sequence[rows.ColumnSample]) -> DatabaseSnapshot:
        """The same database with what was counted in its values."""
        found = DatabaseSnapshot(self._sections, self.database)
        found.samples = tuple(samples)
        return found

    def grants(self, acl: str) -> tuple[rows.Grant, ...]:
        """The entries of an ACL, given its key; none for an empty key.

        Raises `Unread` when the ACLs could not be read.
        """
        return _grants(self, self.acls, acl)


class Snapshot(Sections):
    """One consistent, read-only look at a cluster, all its databases or those asked for.

    `databases` here are the catalog rows of all databases; `inspected` the snapshots of those read.
    `observations` is what was seen of its sessions over time, `supervision` what is known of its nightly
    checks, `documents` are the texts of contracts by the paths that the register names, `folders` what lies
    in the folders that the policy names, by their paths, `alarms` what the audit stores tell of the last day,
    `overdue` how many rows are kept for too long; None when nobody asked for it, and nothing of it is saved
    with the snapshot.
    """

    server_rows = section(rows.Server)
    roles = section(rows.Role)
    verifiers = section(rows.Verifier)
    password_guesses = section(rows.PasswordGuess)
    memberships = section(rows.Membership)
    role_settings = section(rows.RoleSetting)
    settings = section(rows.Setting)
    file_settings = section(rows.FileSetting)
    hba_rules = section(rows.HbaRule)
    hba_quotes = section(rows.HbaQuotes)
    ident_rules = section(rows.IdentRule)
    config_files = section(rows.ConfigFile)
    files = section(rows.FileMode)
    certificates = section(rows.Certificate)
    databases = section(rows.Database)
    tablespaces = section(rows.Tablespace)
    parameter_acls = section(rows.ParameterAcl)
    slots = section(rows.Slot)
    sessions = section(rows.Session)
    archiver = section(rows.Archiver)
    cluster_acls = section(rows.Acl)

    def __init__(
        self,
        sections: Mapping[str, Sequence[Any] | Missing],
        inspected: Sequence[DatabaseSnapshot],
        target: str = "",
        observations: Observations | None = None,
        supervision: Supervision | None = None,
        documents: Mapping[str, Document] | None = None,
        folders: Mapping[str, FolderLook] | None = None,
        alarms: Sequence[Feed] | None = None,
        overdue: Sequence[Overdue] | None = None,
        conditions: Mapping[tuple[str, int], bool] | None = None,
    ) -> None:
        super().__init__(sections)
        self.inspected = tuple(inspected)
        self.target = target
        self.observations = observations
        self.supervision = supervision
        self.documents = documents
        self.folders = folders
        self.alarms = alarms
        self.overdue = overdue
        self.conditions = conditions

    @property
    def server(self) -> rows.Server:
        """The cluster's own row, which is always read."""
        row: rows.Server = self.server_rows[0]
        return row

    @property
    def major(self) -> int:
        """PostgreSQL's major version."""
        return self.server.version_num // 10000

    def role(self, name: str) -> rows.Role | None:
        """The role of that name, or None where the cluster has none."""
        by_name = self._memo.get("roles")
        if by_name is None:
            by_name = self._memo["roles"] = {role.name: role for role in self.roles}
        found: rows.Role | None = by_name.get(name)
        return found

    def setting(self, name: str) -> rows.Setting:
        """The cluster's value of one parameter.

        Raises `Unread` when the server does not show it to us, or when it shows only the value
        that our own role or session has (source database, user, client, session).
        """
        by_name = self._memo.get("settings")
        if by_name is None:
            by_name = self._memo["settings"] = {row.name: row for row in self.settings}
        found: rows.Setting | None = by_name.get(name)
        if found is None:
            msg = "settings"
            raise Unread(msg, f"the server does not show {name} to {self.server.inspected_as}")
        if found.source in _SESSION_SOURCES:
            msg = "settings"
            raise Unread(
                msg,
                f"{name} is set for the inspecting session or role ({found.source}), which hides the "
                "cluster's value: inspect with a role that has no setting of its own",
            )
        return found

    def has_setting(self, name: str) -> bool:
        """Whether the server shows a parameter of that name (an extension's is there only when loaded)."""
        return any(row.name == name for row in self.settings)

    def grants(self, acl: str) -> tuple[rows.Grant, ...]:
        """The entries of a cluster-wide object's ACL (database, tablespace, parameter), given its key."""
        return _grants(self, self.cluster_acls, acl)

    def all_missing(self) -> Iterator[tuple[str | None, str, str]]:
        """Everything that could not be read, as (database or None, section, reason)."""
        for name, reason in self.missing().items():
            yield None, name, reason
        for database in self.inspected:
            for name, reason in database.missing().items():
                yield database.name, name, reason

    def only(self, *databases: str) -> Snapshot:
        """The same snapshot with these of the inspected databases."""
        kept = [one for one in self.inspected if one.name in databases]
        narrowed = self._beside(self._sections, kept)
        narrowed._memo = self._memo
        return narrowed

    def replaced(self, **sections: Sequence[Any] | Missing) -> Snapshot:
        """The same snapshot with other rows in some sections of the cluster's own: how it would look."""
        return self._beside({**self._sections, **sections}, self.inspected)

    def with_databases(self, inspected: Sequence[DatabaseSnapshot]) -> Snapshot:
        """The same snapshot with these databases in the place of its own."""
        return self._beside(self._sections, inspected)

    def observed(self, observations: Observations) -> Snapshot:
        """The same snapshot with what was seen of its sessions over time."""
        made = self._beside(self._sections, self.inspected)
        made.observations = observations
        return made

    def supervised(self, supervision: Supervision) -> Snapshot:
        """The same snapshot with what is known of its nightly checks."""
        made = self._beside(self._sections, self.inspected)
        made.supervision = supervision
        return made

    def documented(self, documents: Mapping[str, Document]) -> Snapshot:
        """The same snapshot with the texts of contracts as they were found."""
        made = self._beside(self._sections, self.inspected)
        made.documents = documents
        return made

    def with_folders(self, folders: Mapping[str, FolderLook]) -> Snapshot:
        """The same snapshot with what lies in the folders that the policy names."""
        made = self._beside(self._sections, self.inspected)
        made.folders = folders
        return made

    def alarmed(self, alarms: Sequence[Feed]) -> Snapshot:
        """The same snapshot with what its audit stores tell of the last day."""
        made = self._beside(self._sections, self.inspected)
        made.alarms = alarms
        return made

    def with_overdue(self, overdue: Sequence[Overdue]) -> Snapshot:
        """The same snapshot with how many rows are there that their retention rule says should be gone."""
        made = self._beside(self._sections, self.inspected)
        made.overdue = overdue
        return made

    def with_conditions(self, conditions: Mapping[tuple[str, int], bool]) -> Snapshot:
        """The same snapshot with whether views and policies, by database and oid, say what mandates say."""
        made = self._beside(self._sections, self.inspected)
        made.conditions = conditions
        return made

    def _beside(
        self, sections: Mapping[str, Sequence[Any] | Missing], inspected: Sequence[DatabaseSnapshot]
    ) -> Snapshot:
        return Snapshot(
            sections,
            inspected,
            self.target,
            self.observations,
            self.supervision,
            self.documents,
            self.folders,
            self.alarms,
            self.overdue,
            self.conditions,
        )


_SESSION_SOURCES = frozenset({"database", "user", "database user", "client", "session", "override-session"})


def _grants(owner: Sections, acls: tuple[rows.Acl, ...], key: str) -> tuple[rows.Grant, ...]:
    if not key:
        return ()
    by_key = owner._memo.get("acls")
    if by_key is None:
        by_key = owner._memo["acls"] = {acl.key: acl.grants for acl in acls}
    found: tuple[rows.Grant, ...] = by_key[key]
    return found
