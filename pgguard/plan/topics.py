"""The kinds of files of a plan, in the order in which they are applied: nothing needs what comes after it."""

from __future__ import annotations

from typing import NamedTuple


class Topic(NamedTuple):
    """One kind of file: why it is made, what can go wrong, and what to look at before it is applied."""

    slug: str
    title: str
    why: str
    risk: str
    first: str


TOPICS = (
    Topic(
        "settings",
        "Parameters of the cluster",
        "the cluster's own protections are on",
        "a parameter that asks for a restart counts only after it",
        "read each value: pg_settings has the one in force; ALTER DATABASE and ALTER ROLE go before it",
    ),
    Topic(
        "roles",
        "Attributes of roles",
        "no role is more powerful than its task",
        "whoever used the attribute cannot any more",
        "ask who uses the attribute: backups and replicas need REPLICATION, installers CREATEDB or "
        "CREATEROLE; SELECT count(*) FROM pg_stat_activity WHERE usename = 'role' tells whether a limit is "
        "too low",
    ),
    Topic(
        "role_settings",
        "Settings of roles and databases",
        "a role's own setting does not undo what the cluster's protects",
        "new sessions of the role have the other value",
        "ask why the role has a value of its own, and whether its program needs it",
    ),
    Topic(
        "grants",
        "Rights that are given",
        "whoever works there keeps what the work takes",
        "rights are given, and none taken",
        "read who gets what",
    ),
    Topic(
        "memberships",
        "Members of groups",
        "rights come from the groups that people belong to, and from no other",
        "a member who used the group's rights loses them",
        "`pgguard who-can` tells what the member reaches by the group; a program that needs part of it gets "
        "a grant of its own before",
    ),
    Topic(
        "default_privileges",
        "What new objects come with",
        "objects made from now on are not open to everybody",
        "none for objects that are there; those made later have to be granted to those who use them",
        "see whether what makes new objects (an installer, an import) grants them itself",
    ),
    Topic(
        "ownership",
        "Owners of objects",
        "who can change an object is somebody who may",
        "the owner until now can no longer alter it, and uses it only as granted",
        "see that the owner until now has the grants that the work takes",
    ),
    Topic(
        "public",
        "Rights of everybody",
        "what PUBLIC has, every login has, also those that are made later",
        "a login that reached the object only as everybody loses it",
        "`pgguard who-can` lists who reaches it; whoever has to gets a grant through a group before",
    ),
    Topic(
        "rights",
        "Rights of roles",
        "nobody has more than the work takes",
        "whoever used such a right loses it",
        "ask whose work it was: `pgguard who-can` tells who has the right, `pgguard learn` who used it",
    ),
    Topic(
        "functions",
        "Functions look for objects where they should",
        "what runs with its owner's rights cannot be made to run somebody else's code",
        "a function that relied on the caller's search_path no longer finds things",
        "look at each body for names without a schema, and call each function once afterwards",
    ),
    Topic(
        "row_security",
        "Row security and views",
        "rows are shown to those whom the policies name, and to no other",
        "a role without a policy of its own sees no row where row security comes on",
        "count the rows of the table as each role that works with it (SET ROLE), before and after",
    ),
    Topic(
        "triggers",
        "Triggers and rules that watch over tables",
        "what records and checks changes runs",
        "a statement on the table fails where the trigger's function fails",
        "ask why it was disabled, and try one INSERT and one UPDATE in a transaction that is rolled back",
    ),
    Topic(
        "statistics",
        "What the planner keeps of columns",
        "values of patients are not kept beside the tables, where other rights rule",
        "queries on the column may get slower plans",
        "look at the plans (EXPLAIN) of the main queries that filter by the column",
    ),
    Topic(
        "indexes",
        "Indexes that hold what the column does not",
        "what is protected in the table does not lie open in an index",
        "queries that used the index get slower; building it again takes time",
        "see what uses it: pg_stat_user_indexes.idx_scan; plan another index before",
    ),
    Topic(
        "secrets",
        "Secrets in definitions",
        "a password or key is not kept where everybody reads",
        "what relied on the default or parameter has to bring its own",
        "write the secret down where it belongs, and replace it: it was seen",
    ),
    Topic(
        "extensions",
        "Versions of extensions",
        "corrections of the installed version are in force",
        "the extension's script may change its functions",
        "read the extension's release notes",
    ),
    Topic(
        "slots",
        "Replication slots that nobody reads",
        "WAL that is kept for nobody fills the disk, and holds rows of patients for as long",
        "a standby or subscriber that comes back after all has to be set up anew",
        "ask what the slot was for: a standby that is being repaired, a subscriber that is paused",
    ),
    Topic("other", "Other changes", "each closes a finding of its own", "read each statement", "read each"),
    Topic(
        "logins",
        "Logins that are closed",
        "a login that names nobody, or nobody uses, is a way in",
        "whoever logs in with the role gets in no more; sessions that are open go on",
        "pg_stat_activity and `pgguard observe` tell who uses the login: nobody may, before it is closed",
    ),
)
PLACES = {topic.slug: place for place, topic in enumerate(TOPICS)}
