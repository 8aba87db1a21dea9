"""The rows of a snapshot, one NamedTuple a section.

Oids are join keys inside one snapshot and leave it nowhere. Roles are named, never
numbered; `PUBLIC` stands for everybody (no role can have that name). An ACL is a key
into the `acls` section, where it is spelled out once however many objects share it;
the key is empty where the object kind has no ACL of its own (a column without grants).
Times are ISO 8601 in UTC, with an empty text for "never" and "not set".
Every text that a person wrote (bodies, options, settings, comments) has passed the
masking of `sql/snapshot/` before it left the server: `***` stands for what was hidden.
"""

from __future__ import annotations

from typing import NamedTuple

PUBLIC = "public"
MASK = "***"


class Server(NamedTuple):
    """The cluster itself, one row. `version_num` as server_version_num (150018)."""

    version_num: int
    version: str
    now: str
    started_at: str
    config_loaded_at: str
    in_recovery: bool
    inspected_as: str
    superuser: bool
    reads_all_stats: bool
    reads_all_settings: bool
    client_address: str
    port: int


class Role(NamedTuple):
    """pg_roles. `bootstrap` is the role that initdb made; `predefined` those that PostgreSQL brings.

    `valid_until` is a date for the password only, not for the account (CREATE ROLE).
    """

    oid: int
    name: str
    superuser: bool
    inherit: bool
    createrole: bool
    createdb: bool
    login: bool
    replication: bool
    bypassrls: bool
    connection_limit: int
    valid_until: str
    bootstrap: bool
    predefined: bool


class Verifier(NamedTuple):
    """The kind of the password verifier of a login, or of another role that has one; never the verifier.

    kind: none, md5, scram-sha-256, other. `iterations` is 0 for all but SCRAM (RFC 7677).
    """

    role: str
    kind: str
    iterations: int


class PasswordGuess(NamedTuple):
    """What guessing the password of one login locally came to; `match` is empty when nothing fitted.

    match: role-name, database-name, common-word, empty; never the word. `tried` counts the guesses.
    """

    role: str
    match: str
    tried: int


class Membership(NamedTuple):
    """pg_auth_members: `member` is a member of `role`.

    Before PostgreSQL 16 `inherit` is the member's own INHERIT and `set` is true.
    """

    role: str
    member: str
    grantor: str
    admin: bool
    inherit: bool
    set: bool


class RoleSetting(NamedTuple):
    """pg_db_role_setting: empty `role` means every role, empty `database` every database.

    `masked` tells that the value looks like a secret; of parameters that no module defined other values
    are *** too.
    """

    database: str
    role: str
    name: str
    value: str
    masked: bool


class Setting(NamedTuple):
    """pg_settings as the inspecting session sees it; `value` in `unit`, masked where it may hold a secret.

    `source` tells whether a role's or session's own setting hides the cluster's value.
    """

    name: str
    value: str
    unit: str
    context: str
    vartype: str
    source: str
    boot_value: str
    pending_restart: bool
    masked: bool


class FileSetting(NamedTuple):
    """pg_file_settings without the values: which line of which file was applied, or why not."""

    file: str
    line: int
    name: str
    applied: bool
    error: str


class HbaRule(NamedTuple):
    """pg_hba_file_rules, in order; options masked. `number` is 0 for a line that did not parse.

    `type` local, host, hostssl, hostnossl, hostgssenc, hostnogssenc; `address` and `netmask`
    empty for local, else an address, a host name, all, samehost or samenet.
    """

    number: int
    file: str
    line: int
    type: str
    databases: tuple[str, ...]
    users: tuple[str, ...]
    address: str
    netmask: str
    method: str
    options: tuple[str, ...]
    error: str


class HbaQuotes(NamedTuple):
    """A line of pg_hba.conf with its quotes, commas, @ and # in place and each word hidden as x.

    Only lines of files that have a quote or an @ in a rule: elsewhere every keyword is one.
    """

    file: str
    line: int
    shape: str


class IdentRule(NamedTuple):
    """pg_ident_file_mappings (15 and later), in order."""

    number: int
    file: str
    line: int
    map: str
    system_user: str
    database_user: str
    error: str


class ConfigFile(NamedTuple):
    """When a configuration file last changed (pg_stat_file). purpose: hba, ident, config."""

    purpose: str
    path: str
    modified_at: str


class FileMode(NamedTuple):
    """The permissions of a file of the server, seen when pgguard runs on the same machine.

    `mode` is octal text (0600); `effective` is the same without the bits of those whom a folder above
    shuts out. Both are empty where the file may not be seen. purpose: data_directory, hba, ident, ssl_key,
    log_directory, socket (a folder).
    """

    purpose: str
    path: str
    mode: str
    effective: str
    owner: str


class Certificate(NamedTuple):
    """The certificate that the server presents, and those of TLSv1 and TLSv1.1 that it agreed to.

    `protocols` is tried only before PostgreSQL 12, which has no setting for it. `key_type` RSA, EC or
    another; `signature_hash` sha256, sha1 and so on, empty where the signature has none of its own (Ed25519).
    """

    subject: str
    issuer: str
    not_before: str
    not_after: str
    key_type: str
    key_bits: int
    signature_hash: str
    self_signed: bool
    protocols: tuple[str, ...]


class Database(NamedTuple):
    """pg_database."""

    oid: int
    name: str
    owner: str
    acl: str
    allow_connections: bool
    connection_limit: int
    is_template: bool
    encoding: str


class Tablespace(NamedTuple):
    """pg_tablespace."""

    name: str
    owner: str
    acl: str


class ParameterAcl(NamedTuple):
    """pg_parameter_acl (15 and later; no rows before)."""

    name: str
    acl: str


class Slot(NamedTuple):
    """pg_replication_slots; `retained_bytes` is the WAL it holds back."""

    name: str
    kind: str
    database: str
    active: bool
    retained_bytes: int


class Session(NamedTuple):
    """pg_stat_activity of client backends and walsenders, but for our own session; no query text.

    `address` is empty for the local socket.
    """

    pid: int
    role: str
    database: str
    application: str
    address: str
    started_at: str
    state: str
    backend_type: str
    tls: bool
    tls_version: str
    tls_cipher: str
    client_certificate: str
    gss_authenticated: bool
    gss_encrypted: bool


class Archiver(NamedTuple):
    """pg_stat_archiver."""

    archived: int
    failed: int
    last_archived_at: str
    last_failed_at: str


class Grant(NamedTuple):
    """One entry of an ACL as aclexplode gives it."""

    grantee: str
    privilege: str
    grantable: bool
    grantor: str


class Acl(NamedTuple):
    """An ACL spelled out: aclexplode(coalesce(acl, acldefault(kind, owner)))."""

    key: str
    grants: tuple[Grant, ...]


class Schema(NamedTuple):
    """pg_namespace without the system's schemas (pg_toast, pg_temp, information_schema, pg_catalog)."""

    oid: int
    name: str
    owner: str
    acl: str
    extension: str


class Relation(NamedTuple):
    """pg_class: kind is relkind (r p v m S f). Of the system schemas only those whose ACL was changed.

    `options` are reloptions (security_barrier=true, security_invoker=true). `parent` is the
    oid of the partitioned or inherited parent (the first), 0 without one.
    """

    oid: int
    schema: str
    name: str
    kind: str
    owner: str
    acl: str
    row_security: bool
    force_row_security: bool
    persistence: str
    options: tuple[str, ...]
    extension: str
    parent: int
    is_partition: bool
    estimated_rows: float
    pages: int
    system: bool


class Column(NamedTuple):
    """pg_attribute of the relations of this snapshot, system columns aside."""

    relation: int
    number: int
    name: str
    type: str
    not_null: bool
    has_default: bool
    generated: str
    identity: str
    acl: str


class Comment(NamedTuple):
    """The words, of a fixed list, of a comment on a relation (`number` 0) or a column: what it holds."""

    relation: int
    number: int
    text: str


class ColumnLabels(NamedTuple):
    """What a column may hold: the labels of its enumeration, or the short ones that a check lists."""

    relation: int
    number: int
    labels: tuple[str, ...]


class Constraint(NamedTuple):
    """pg_constraint of relations: kind is contype (p u f c x); the check expression is a definition."""

    oid: int
    relation: int
    name: str
    kind: str
    columns: tuple[int, ...]
    references: int
    referenced_columns: tuple[int, ...]
    validated: bool


class Index(NamedTuple):
    """pg_index; a column number of 0 stands for an expression."""

    oid: int
    relation: int
    name: str
    unique: bool
    primary: bool
    columns: tuple[int, ...]
    has_predicate: bool


class ColumnSetting(NamedTuple):
    """What was set for a column of a table or index beside its type, where anything was.

    `statistics_target` is attstattarget, -1 where it is the cluster's; `mark` the word by which pgguard's
    comment on the column says what it did to it (`pgguard: encrypted`), empty without one.
    """

    relation: int
    number: int
    statistics_target: int
    mark: str


class DroppedColumns(NamedTuple):
    """The columns that were dropped of a table (numbers), and the number of the file it is in now."""

    relation: int
    numbers: tuple[int, ...]
    filenode: int


class PlannerStatistics(NamedTuple):
    """The columns of a table or index of which pg_statistic holds values; the values are not read.

    `inherited`: in these are those of children or partitions too.
    """

    relation: int
    inherited: bool
    columns: tuple[int, ...]


class ExtendedStatistics(NamedTuple):
    """pg_statistic_ext: kinds are stxkind (d f m e); only m and e hold values.

    `columns` stand for themselves; `expression_columns` are used by its expressions, and `functions` are
    called by them (oids). `owner_only` tells that the view pg_stats_ext asks for the owner's rights.
    """

    oid: int
    schema: str
    name: str
    relation: int
    kinds: tuple[str, ...]
    columns: tuple[int, ...]
    expression_columns: tuple[int, ...]
    functions: tuple[int, ...]
    owner_only: bool


class RowPolicy(NamedTuple):
    """pg_policy: command is ALL SELECT INSERT UPDATE DELETE; roles name PUBLIC or roles.

    The USING and WITH CHECK expressions are definitions of kind policy-using, policy-check
    with the policy's oid.
    """

    oid: int
    relation: int
    name: str
    permissive: bool
    command: str
    roles: tuple[str, ...]


class Function(NamedTuple):
    """pg_proc: kind is prokind (f p a w). Of the system's functions only those whose ACL was changed.

    `arguments` are the types of the input arguments, as in a signature; `argument_modes` (i o b v t)
    go with `argument_names`, empty when all are inputs. `config` are the SET clauses: a value of *** is
    hidden, of ***secret*** looks like a key or password. The body is the definition of kind function
    (source text; of a SQL-standard body, pg_get_function_sqlbody).
    """

    oid: int
    schema: str
    name: str
    arguments: str
    argument_names: tuple[str, ...]
    returns: str
    kind: str
    owner: str
    language: str
    definer: bool
    leakproof: bool
    volatility: str
    config: tuple[str, ...]
    acl: str
    extension: str
    system: bool
    argument_modes: tuple[str, ...]


class Definition(NamedTuple):
    """A stored text of SQL, masked. kind: function, argument (the defaults of a function's arguments, parted
    by commas), view (also materialized), default, domain (its default), check, policy-using, policy-check,
    index, rule, trigger, comment; type is the name of an enumeration, a domain, a range or a composite type.
    `number` is the column where that matters.

    `oid` is that of the function, relation (view, default), type (domain, type), constraint, policy, index,
    rule or trigger. For comments `oid` is the commented object's and `catalog` its catalog (pg_class, pg_proc
    ...); for types `catalog` is enum, range, composite or the domain's base type; it is empty otherwise.
    `language` is the function's, else sql (text for a comment). Of functions in other languages than SQL and
    PL/pgSQL the text is empty.

    In `text` a string is `'***'` but for what cannot be a secret: punctuation, switches, the names of
    primitives, of parameters and of objects. A mark tells what it was: `'***password***'` a connection
    string, address or document with a password, `'***key***'` a key of a known form, `'***label***'` a word
    for a secret, `'***placeholder***'` something to be replaced; a template of format() keeps its places
    (`'***%I***'`). A string that is SQL itself keeps the words that the catalog knows, with `_` for others.
    A number of four digits or more is 999999999. Comments are gone, but for `/****password***` where one
    holds a password. Of comments on objects only those that hold one are here, as `***password***`.
    The whole text is `***` when it could not be masked with certainty: then nothing is known of it.
    """

    kind: str
    oid: int
    number: int
    catalog: str
    language: str
    text: str


class Trigger(NamedTuple):
    """pg_trigger without internal ones: timing BEFORE AFTER INSTEAD OF; level ROW STATEMENT;
    enabled O (origin) D (disabled) R (replica) A (always)."""

    oid: int
    relation: int
    name: str
    function: int
    enabled: str
    timing: str
    level: str
    events: tuple[str, ...]


class Rule(NamedTuple):
    """pg_rewrite without the _RETURN rules of views; enabled as for triggers."""

    oid: int
    relation: int
    name: str
    event: str
    instead: bool
    enabled: str


class ViewColumn(NamedTuple):
    """What a view or a materialized view reads, by pg_depend; `number` 0 for the whole relation."""

    view: int
    relation: int
    number: int


class EventTrigger(NamedTuple):
    """pg_event_trigger."""

    name: str
    owner: str
    event: str
    function: int
    enabled: str
    extension: str


class AuditEvidence(NamedTuple):
    """The seals of the audit store of a database; no row where there is no store.

    `broken_seal` is the first of the newest 100,000 seals that does not chain (0: none), `broken` why.
    `verified_*` is the newest run of `pgguard audit verify` that could be recorded (0 and empty: none);
    `verified_gone`: the last seal that it saw is not there as it was. `unsealed_since` is the time of the
    oldest entry without a seal, empty for none, and not to be relied on unless `entries_readable`.
    """

    last_seal: int
    sealed_at: str
    broken_seal: int
    broken: str
    verified_at: str
    verified_seal: int
    verified_ok: bool
    first_bad_entry: int
    first_bad_seal: int
    verified_said: str
    verified_gone: bool
    entries_readable: bool
    unsealed_since: str
    rest_bytes: int


class AuditedTable(NamedTuple):
    """A table that the audit store of a database says it audits; no row where there is no store.

    `level` is row or statement; `subscribed` tells that rows reach it by replication, where statement
    triggers do not fire. `intact`: on all its parts are the triggers that there should be, enabled ALWAYS,
    and they call functions whose code is that which the store makes for the table as it is.
    """

    relation: int
    level: str
    subscribed: bool
    intact: bool


class DefaultAcl(NamedTuple):
    """pg_default_acl: kind r S f T n L; empty schema means everywhere.

    With an empty schema the ACL replaces the built-in default; with a schema it adds to it.
    """

    role: str
    schema: str
    kind: str
    acl: str


class LargeObjects(NamedTuple):
    """pg_largeobject_metadata, grouped by owner and ACL; `objects` counts, `example` is the smallest oid."""

    owner: str
    acl: str
    objects: int
    example: int


class Language(NamedTuple):
    """pg_language without sql; internal and c only where somebody marked them as trusted."""

    oid: int
    name: str
    trusted: bool
    owner: str
    acl: str
    extension: str


class ForeignDataWrapper(NamedTuple):
    """pg_foreign_data_wrapper."""

    name: str
    owner: str
    acl: str
    extension: str


class ForeignServer(NamedTuple):
    """pg_foreign_server; of options whose value is not known to be harmless it is ***, or ***secret***."""

    name: str
    wrapper: str
    owner: str
    acl: str
    options: tuple[str, ...]


class UserMapping(NamedTuple):
    """pg_user_mappings: the names of the options, never their values; role PUBLIC or a role."""

    server: str
    role: str
    option_names: tuple[str, ...]


class Extension(NamedTuple):
    """pg_extension."""

    name: str
    version: str
    schema: str
    owner: str


class AvailableExtension(NamedTuple):
    """pg_available_extensions of the extensions installed here: the version CREATE EXTENSION would give.

    A section of its own, because one control file that the server cannot parse makes it fail.
    """

    name: str
    version: str


class Publication(NamedTuple):
    """pg_publication."""

    name: str
    owner: str
    all_tables: bool


class PublicationTable(NamedTuple):
    """A table that a publication sends; no column numbers means all of its columns."""

    publication: str
    relation: int
    columns: tuple[int, ...]


class Subscription(NamedTuple):
    """pg_subscription of this database: whether its connection string holds a password, never the string."""

    name: str
    owner: str
    enabled: bool
    has_password: bool


class Statement(NamedTuple):
    """pg_stat_statements, masked; no rows where the extension is not installed in this database.

    Only statements that name pgcrypto's functions, passwords or roles are kept.
    """

    role: str
    query: str
    calls: int


class ColumnSample(NamedTuple):
    """How many of a column's values look like something; counts only, never a value.

    `path` names a field of a composite type or a key inside a document (address.city; * for keys that do not
    look like names, [] for the elements of an array that is the whole document), empty for the column itself.
    `rows` values were looked at, of which `filled` are not NULL and `distinct` differ by their first 64
    characters (1,000 stands for more); `years` are the different years of dates that are past. `matches` has
    the count of each pattern of sql/sample/patterns.sql that any value fits. `unread` says why nothing was
    counted; a table without rows has 0 of them and no reason. `origin`: sample, or statistics where the
    planner's were used.
    """

    relation: int
    number: int
    path: str
    rows: int
    filled: int
    distinct: int
    years: int
    matches: tuple[tuple[str, int], ...]
    unread: str = ""
    origin: str = "sample"
