"""Values that pgcrypto was to encrypt open with any key, or with none.

Why it matters: with CVE-2026-14663 pgp_sym_encrypt stored what it was given in clear, without an error, where
OpenSSL has the cipher switched off; encrypt() takes an empty key for one of zeros. Everybody who gets at a
file, a dump or a backup reads such values, and the update of the server changes none of them.

How to fix: install the corrected version (enc-broken-cipher), then decrypt and encrypt every value anew with
aes256 and a key; what was readable counts as not encrypted when a breach is judged (GDPR art. 34(3)(a)).

Silent when: values were looked at (`inspect --sample ROWS`) and are cipher as far as their bytes tell. Of PGP
messages by a passphrase they tell whether the data stand in clear behind the header, which is what opens with
any key. Where all values are blocks that nothing tells about, AES with an empty key is tried on eight.
They do not tell with which key something was made; messages for public keys and encrypt() with other ciphers
are seen only when they are readable. Unknown where stored SQL opens a column whose values could not be looked
at. Not applicable where nobody looked at values at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.analysis import catalog
from pgguard.analysis.ciphertext import opened
from pgguard.analysis.names import column_subject
from pgguard.analysis.own import SCHEMAS
from pgguard.analysis.patterns import by_column
from pgguard.errors import Unread
from pgguard.model.finding import Finding, NotApplicable, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pgguard.analysis.ciphertext import ColumnKey
    from pgguard.model.policy import Policy
    from pgguard.model.rows import ColumnSample
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.CRITICAL
references = (
    "CVE-2026-14663",
    "NIST SC-13",
)
_NAME = "pgcrypto"
# what tells of values that pgcrypto made
_MADE = frozenset({"pgp_message", "pgp_open", "blank_key"})
_OURS = frozenset({"encrypted", "inlet"})
# one message that looks open may be chance, two are none
_ENOUGH = 2


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    used = [one for one in snapshot.inspected if any(row.name == _NAME for row in one.extensions)]
    if not used:
        msg = "pgcrypto is in no database"
        raise NotApplicable(msg)
    if all(one.samples is None for one in used):
        msg = "nobody looked at values: pgguard inspect --sample ROWS does"
        raise NotApplicable(msg)
    unread: list[str] = []
    judged = 0
    for database in used:
        columns = _stored(snapshot, database)
        samples = by_column(database)
        for key, found in sorted(samples.items()):
            own = [one for one in found if not one.path and not one.unread and one.filled]
            if own and (key in columns or any(not _MADE.isdisjoint(dict(one.matches)) for one in own)):
                judged += 1
                yield from _told(database, key, own, is_opened=key in columns)
        missing = sorted(key for key in columns if not _looked_at(samples, key))
        unread += [_name(database, key) for key in missing]
    if unread:
        section = "samples"
        reason = "their values were not looked at: pgguard inspect --sample ROWS does"
        raise Unread(section, f"{', '.join(unread[:3])}: {reason}")
    if not judged:
        msg = (
            "no stored SQL opens a column with pgcrypto; what programs encrypt themselves is seen only in "
            "values (pgguard inspect --sample ROWS)"
        )
        raise NotApplicable(msg)


def _stored(snapshot: Snapshot, database: DatabaseSnapshot) -> frozenset[ColumnKey]:
    """The columns that stored SQL opens by pgcrypto, those of pgguard's own scheme left out."""
    marked = {(one.relation, one.number) for one in database.column_settings if one.mark in _OURS}
    ours = {one.oid for one in database.relations if one.schema in SCHEMAS}
    return frozenset(key for key in opened(snapshot, database)[""] - marked if key[0] not in ours)


def _looked_at(samples: Mapping[tuple[int, int], list[ColumnSample]], key: ColumnKey) -> bool:
    return any(not one.unread for one in samples.get(key, ()))


def _told(
    database: DatabaseSnapshot, key: ColumnKey, samples: list[ColumnSample], *, is_opened: bool
) -> Iterator[Finding]:
    counts = [dict(one.matches) for one in samples]
    filled = sum(one.filled for one in samples)
    clear, blank, *readable = (
        sum(count.get(name, 0) for count in counts)
        for name in ("pgp_open", "blank_key", "readable_bytes", "clear_file")
    )
    said = []
    if clear >= min(_ENOUGH, filled):
        said.append(f"{clear} of {filled} values are PGP messages that any key opens: the data are in clear")
    if blank:
        said.append("its values open with AES and an empty key")
    if is_opened and any(readable):
        said.append(
            f"{sum(readable)} of {filled} values are readable as they are, and stored SQL decrypts the column"
        )
    relation = catalog.relations(database).get(key[0])
    column = next((one for one in catalog.columns(database, key[0]) if one.number == key[1]), None)
    if said and relation is not None and column is not None:
        yield Finding(column_subject(database, relation, column), "; ".join(said))


def _name(database: DatabaseSnapshot, key: ColumnKey) -> str:
    relation = catalog.relations(database).get(key[0])
    column = next((one for one in catalog.columns(database, key[0]) if one.number == key[1]), None)
    return column_subject(database, relation, column).name if relation and column else "a column"
