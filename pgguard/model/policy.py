"""Policy: what the people who answer for the database declare about it.

Every part is optional; the defaults are the safe ones. The file is pgguard.toml; its keys are
the names of the fields here, and `store/policy_file.py` reads it.
"""

from __future__ import annotations

import datetime  # noqa: TC003 - pydantic reads the annotations when the program runs
from dataclasses import dataclass, field
from typing import Literal

from pgguard.model.category import NOT_SENSITIVE as NOT_SENSITIVE
from pgguard.model.category import Category as Category  # noqa: TC001 - as above
from pgguard.model.mandate import Mandate, Mandates, MandateTable
from pgguard.model.register import (
    Account,
    Activity,
    BreakGlass,
    Certificate,
    Contract,
    Controller,
    Processor,
    Register,
)
from pgguard.model.retention import DataSubject, Hold, Retention, SubjectColumn  # noqa: TC001 - as above


@dataclass(frozen=True, slots=True)
class Networks:
    """Address ranges in CIDR notation: where people and services may come from."""

    internal: tuple[str, ...] = ()
    standbys: tuple[str, ...] = ()
    poolers: tuple[str, ...] = ()
    jump_hosts: tuple[str, ...] = ()
    nat: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Administrators:
    """Roles that may hold administrative powers, and when they are at work.

    `hours` are whole hours of the day in `timezone`, from the first to before the last: "7-20".
    """

    roles: tuple[str, ...] = ()
    hours: str = ""
    weekdays: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = (
        "mon",
        "tue",
        "wed",
        "thu",
        "fri",
    )
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Numbers the checks judge by; days and hours as their names say.

    `failed_logins_per_hour` is of one role or address, `origin_days` how long an origin is new,
    `mass_read_rows` and `mass_read_statements` what one login may read of sensitive tables in a day,
    `log_days_least` and `log_days_most` how long logs are kept, `breakglass_test_days` how old the last test
    of an emergency account may be.
    """

    dormant_days: int = 90
    sensitive_readers: int = 25
    max_connections_per_person: int = 5
    check_max_age_hours: int = 26
    certificate_days: int = 30
    slot_retained_gb: int = 1
    failed_logins_per_hour: int = 20
    origin_days: int = 1
    mass_read_rows: int = 10_000
    mass_read_statements: int = 1_000
    log_days_least: int = 180
    log_days_most: int = 366
    breakglass_test_days: int = 365


@dataclass(frozen=True, slots=True)
class Service:
    """A login that a program uses, not a person."""

    role: str
    owner: str
    purpose: str
    origins: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()
    contract: str = ""


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the roster and the login that is theirs alone."""

    name: str
    role: str
    function: str = ""
    replaces: str = ""
    until: datetime.date | None = None


@dataclass(frozen=True, slots=True)
class ColumnEntry:
    """What one column holds: `name` is schema.table.column, with `database` where several have it."""

    name: str
    category: Category
    decided_by: str = "dba"
    database: str = ""
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Discovery:
    """How columns are classified: a site's own lexicon files, and whether statistics may be looked at.

    The statistics that ANALYZE keeps hold values; the server counts in them and hands out counts only.
    """

    lexicons: tuple[str, ...] = ()
    use_statistics: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """Where observed sessions are kept: a SQLite file.

    Rows older than `keep_days` are pruned; with `learn_days` of statements seen, `pgguard learn` may
    propose to revoke what was not used.
    """

    store: str = ""
    keep_days: int = 400
    learn_days: int = 90


@dataclass(frozen=True, slots=True)
class Encryption:
    """Which categories are to be stored encrypted, and what a session without a key meets.

    `no_key` is raise (an error) or mask (what those who are no readers see). Genetic data and special
    categories
    have keys of their own, in the groups genetic and special; all else is in the group main.
    """

    categories: tuple[Category, ...] = (
        "national_id",
        "special_category",
        "health_observation",
        "genetic",
        "free_text",
    )
    no_key: Literal["raise", "mask"] = "raise"


@dataclass(frozen=True, slots=True)
class EncryptEntry:
    """How one column is encrypted: `column` is schema.table.column.

    `readers` are the roles that see the value (without them: those that may read the column when it is
    planned);
    `mask` is what others see: null, year, or last:N. A `searchable` column has a blind index over its
    `normal_form`.
    `padding` fills values up to a multiple of so many bytes, so that their length tells less.
    """

    column: str
    key_group: str = ""
    searchable: bool = False
    normal_form: Literal["exact", "identifier", "phone", "name"] = "exact"
    mask: str = "null"
    readers: tuple[str, ...] | None = None
    padding: int = 0
    database: str = ""


@dataclass(frozen=True, slots=True)
class EncryptTableEntry:
    """The form of a table with encrypted columns: view (programs go on as before), or in-place.

    `acknowledge` are the kinds of statements that break and that somebody has taken care of. `subject` is the
    column that tells whose a row is: its values get a key for each person, and `pgguard keys destroy-subject`
    erases one of them (GDPR, art. 17). Tables of one `subject_kind` share these keys; without it each table
    has its own.
    """

    table: str
    form: Literal["view", "in-place"] = "view"
    acknowledge: tuple[str, ...] = ()
    database: str = ""
    subject: str = ""
    subject_kind: str = ""


@dataclass(frozen=True, slots=True)
class Audit:
    """How it is recorded who changes sensitive tables (HIPAA 164.312(b), GDPR art. 32(1)(d)).

    Entries are kept in partitions by month or day, of which `ahead` are made ahead. With `truncate` a
    TRUNCATE of an audited table is recorded instead of refused. New tables of the schemas in `cover` are
    audited from their creation on. With `whole_rows` pgaudit records every read of a sensitive table,
    whichever column it names: SELECT t FROM t names none, and is not seen otherwise.
    `pgguard erase run --stores` drops sealed partitions older than `keep_months`; 0 keeps everything.
    """

    period: Literal["month", "day"] = "month"
    ahead: int = 3
    truncate: bool = False
    cover: tuple[str, ...] = ()
    whole_rows: bool = False
    keep_months: int = 0


@dataclass(frozen=True, slots=True)
class AuditTableEntry:
    """A table that is audited whatever it holds, or otherwise than by itself.

    `subject` is the column that tells whose data a row is, the patient's key; `truncate` overrides the
    policy's.
    """

    table: str
    subject: str = ""
    truncate: bool | None = None
    database: str = ""


@dataclass(frozen=True, slots=True)
class AuditColumnEntry:
    """What is recorded of a column, schema.table.column, besides that it changed.

    plain: its values, which a sensitive column's never are; mark: no value; seal: its values, encrypted for
    the auditor alone; tag: keyed digests of them, by which few possible values can be guessed.
    """

    column: str
    record: Literal["plain", "mark", "seal", "tag"]
    database: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """Where `pgguard check` remembers what it found: a SQLite file, or postgresql://USER@HOST/DATABASE.

    Without `store` it is pgguard/history.sqlite in the user's state folder. `target` is the name under which
    the server is remembered (default: host and port). What is older than `keep_days` is forgotten, except
    findings that are still there; 0 keeps everything.
    """

    store: str = ""
    target: str = ""
    keep_days: int = 1100


@dataclass(frozen=True, slots=True)
class Alerts:
    """When somebody is told after `pgguard check`, and what proves that it still runs.

    Findings of this severity and above are told once, when they come up or come back; those that nobody
    acknowledged are told to the channels of the level escalation after so many hours. With `tell_fixed`
    a message also says that something was fixed. The heartbeat is a file that each finished run writes, or
    an address that it asks (heartbeat_from: env:NAME or file:PATH when the address is a secret).
    """

    severity: Literal["critical", "high", "medium", "low"] = "high"
    escalate_after_hours: int = 24
    tell_fixed: bool = False
    heartbeat_file: str = ""
    heartbeat_url: str = ""
    heartbeat_from: str = ""


@dataclass(frozen=True, slots=True)
class AlertChannel:
    """One way to people, as an address that apprise understands: mailtos://, json://, slack://, syslog://.

    An address with a password or token does not belong here: `url_from` is env:NAME, or file:PATH of a file
    that nobody else may read.
    """

    name: str
    url: str = ""
    url_from: str = ""
    level: Literal["first", "escalation"] = "first"


@dataclass(frozen=True, slots=True)
class Keys:
    """Where the key-encryption key comes from: file:PATH, env:NAME, command:PROGRAM ARGUMENTS or prompt.

    The key itself does not belong here.
    """

    provider: str = ""


@dataclass(frozen=True, slots=True)
class PersonalRoles:
    """How shared logins become personal ones: the functions of the roster whose people may alter tables."""

    ddl_functions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DatabaseEntry:
    """What one database is for; test stands for everything that is not production."""

    name: str
    use: Literal["production", "test"] = "production"


@dataclass(frozen=True, slots=True)
class Files:
    """Folders of the machine where pgguard runs that a web or FTP server hands out, by absolute path."""

    web_roots: tuple[str, ...] = ()
    ftp_roots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder for exports, dumps or backups on the machine where pgguard runs, by absolute path.

    What lies in it is kept `keep_days` and belongs to `owner`; `mandate` names the instruction that the
    exports follow (GDPR art. 29), where there is one. A folder within it may have an entry of its own.
    """

    path: str
    purpose: str
    keep_days: int
    owner: str = ""
    mandate: str = ""


@dataclass(frozen=True, slots=True)
class Waiver:
    """An accepted finding: check and subject name, with a reason, an owner and an end.

    It holds from the day `since`, where one is given, to the end of the day `until`.
    """

    check: str
    subject: str
    reason: str
    owner: str
    until: datetime.date
    database: str = ""
    since: datetime.date | None = None

    def holds_on(self, day: datetime.date) -> bool:
        """Whether the finding is accepted on that day."""
        return (self.since is None or self.since <= day) and day <= self.until


@dataclass(frozen=True, slots=True)
class SiteCheck:
    """A site's own check: a file with one SELECT."""

    file: str


@dataclass(frozen=True, slots=True)
class SettingEntry:
    """A role's or database's own setting that somebody answers for."""

    name: str
    reason: str
    role: str = ""
    database: str = ""


@dataclass(frozen=True, slots=True)
class PublicationEntry:
    """A publication whose subscribers are known and under contract."""

    name: str
    recipient: str
    database: str = ""
    contract: str = ""


@dataclass(frozen=True, slots=True)
class StagingEntry:
    """A table that is a temporary copy on purpose, until the given day."""

    table: str
    reason: str
    until: datetime.date
    database: str = ""


@dataclass(frozen=True, slots=True)
class Passwords:
    """Site rules for passwords."""

    require_expiry: bool = False
    strength_checked_by: str = ""
    first_change_days: int = 7


@dataclass(frozen=True, slots=True)
class Logging:
    """What happens to the server log outside PostgreSQL, as far as somebody answers for it.

    `kept_days` is how long whoever rotates or collects it keeps it.
    """

    captured_by: str = ""
    redacted_by: str = ""
    kept_days: int | None = None


@dataclass(frozen=True, slots=True)
class Backup:
    """Evidence of backups that the database itself cannot show."""

    evidence: str = ""


@dataclass(frozen=True, slots=True)
class Allow:
    """Names accepted besides the built-in lists."""

    libraries: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    delegating_roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tenancy:
    """Columns that tell whose row it is, where one database serves several controllers."""

    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cluster:
    """What kind of cluster this is."""

    throwaway: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy. `today` is the date that waivers and end dates are judged against."""

    networks: Networks = field(default_factory=Networks)
    administrators: Administrators = field(default_factory=Administrators)
    thresholds: Thresholds = field(default_factory=Thresholds)
    passwords: Passwords = field(default_factory=Passwords)
    logging: Logging = field(default_factory=Logging)
    backup: Backup = field(default_factory=Backup)
    allow: Allow = field(default_factory=Allow)
    tenancy: Tenancy = field(default_factory=Tenancy)
    cluster: Cluster = field(default_factory=Cluster)
    discovery: Discovery = field(default_factory=Discovery)
    observation: Observation = field(default_factory=Observation)
    encryption: Encryption = field(default_factory=Encryption)
    keys: Keys = field(default_factory=Keys)
    audit: Audit = field(default_factory=Audit)
    history: History = field(default_factory=History)
    alerts: Alerts = field(default_factory=Alerts)
    personal_roles: PersonalRoles = field(default_factory=PersonalRoles)
    files: Files = field(default_factory=Files)
    register: Register = field(default_factory=Register)
    mandates: Mandates = field(default_factory=Mandates)
    service: tuple[Service, ...] = ()
    person: tuple[Person, ...] = ()
    column: tuple[ColumnEntry, ...] = ()
    encrypt: tuple[EncryptEntry, ...] = ()
    encrypt_table: tuple[EncryptTableEntry, ...] = ()
    audit_table: tuple[AuditTableEntry, ...] = ()
    alert_channel: tuple[AlertChannel, ...] = ()
    audit_column: tuple[AuditColumnEntry, ...] = ()
    waiver: tuple[Waiver, ...] = ()
    site_check: tuple[SiteCheck, ...] = ()
    setting: tuple[SettingEntry, ...] = ()
    publication: tuple[PublicationEntry, ...] = ()
    staging: tuple[StagingEntry, ...] = ()
    database: tuple[DatabaseEntry, ...] = ()
    retention: tuple[Retention, ...] = ()
    hold: tuple[Hold, ...] = ()
    data_subject: tuple[DataSubject, ...] = ()
    subject_column: tuple[SubjectColumn, ...] = ()
    mandate: tuple[Mandate, ...] = ()
    mandate_table: tuple[MandateTable, ...] = ()
    folder: tuple[Folder, ...] = ()
    controller: tuple[Controller, ...] = ()
    processor: tuple[Processor, ...] = ()
    certificate: tuple[Certificate, ...] = ()
    contract: tuple[Contract, ...] = ()
    activity: tuple[Activity, ...] = ()
    account: tuple[Account, ...] = ()
    breakglass: tuple[BreakGlass, ...] = ()

    def is_administrator(self, role: str) -> bool:
        """Whether the role is declared as an administrator."""
        return role in self.administrators.roles

    def is_service(self, role: str) -> bool:
        """Whether the role is a declared service account."""
        return any(entry.role == role for entry in self.service)

    def is_person(self, role: str) -> bool:
        """Whether the role is the login of a person of the roster."""
        return any(entry.role == role for entry in self.person)

    def has_account(self, role: str) -> bool:
        """Whether the register of accounts lists the role, as an emergency account too."""
        listed = (*(entry.role for entry in self.account), *(entry.role for entry in self.breakglass))
        return role in listed

    def is_declared(self, role: str) -> bool:
        """Whether somebody answers for the role's powers: an administrator or a service account."""
        return self.is_administrator(role) or self.is_service(role)
