"""The server's pgcrypto stores clear text for some ciphers, or runs what a message tells it to.

Why it matters: CVE-2026-14663 leaves what was to be encrypted readable in the file, without an error,
where OpenSSL has the cipher switched off; with CVE-2026-2005 a crafted message, once decrypted, runs
code as the server's account.

How to fix: install the newest minor version and restart; then decrypt what the named ciphers wrote
and encrypt it anew with aes256. Majors before 14 have no corrected version: upgrade.

Silent when: pgcrypto is in no database, or the server is of a corrected minor version. Only low:
nothing stored here asks for a cipher that OpenSSL may have switched off.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from pgguard.analysis.able import callers
from pgguard.analysis.names import function_name, shorten
from pgguard.analysis.versions import lacks
from pgguard.changes.manual import by_hand
from pgguard.model.finding import Finding, Severity, Subject
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import DatabaseSnapshot, Snapshot

severity = Severity.CRITICAL
references = (
    "CVE-2026-14663",
    "CVE-2026-2005",
    "NIST SC-13",
    "PostgreSQL manual, F.26 pgcrypto",
)
_NAME = "pgcrypto"
_OVERFLOWS = frozenset({"pgp_pub_decrypt", "pgp_pub_decrypt_bytea"})
_SUPPORTED = 14


def find(snapshot: Snapshot, policy: Policy) -> Iterator[Finding]:
    used = [one for one in snapshot.inspected if any(row.name == _NAME for row in one.extensions)]
    flaws = _flaws()
    overflow = used and lacks(snapshot, flaws["overflow"]["fixed"])
    clear_text = used and lacks(snapshot, flaws["clear_text"]["fixed"])
    if not overflow and not clear_text:
        return
    said: list[str] = []
    severity = Severity.LOW
    if overflow:
        exposed = any(_decrypted_by(snapshot, database) for database in used)
        severity = Severity.CRITICAL if exposed else Severity.LOW
        whom = "a login can call" if exposed else "no login but superusers can call"
        said.append(f"{flaws['overflow']['cve']}: {whom} the function that a crafted message takes over")
    if clear_text:
        asking = [name for database in used for name in _asking(database, flaws["clear_text"]["ciphers"])]
        what = "nothing stored here asks for bf or cast5, applications may"
        if asking:
            severity = Severity.CRITICAL
            what = (
                f"{shorten(asking, 3)} ask for ciphers that OpenSSL 3 has switched off unless told otherwise"
            )
        said.append(f"{flaws['clear_text']['cve']}: {what}")
    where = shorten([ident(database.name) for database in used], 3)
    version = snapshot.server.version.split(" ")[0]
    yield Finding(
        Subject("extension", _NAME),
        f"pgcrypto of PostgreSQL {version} in {where} is open to {'; '.join(said)}",
        severity=severity,
        advice="" if snapshot.major >= _SUPPORTED else "upgrade: this major version gets no correction",
        fix=(by_hand(f"install the newest minor version of PostgreSQL {max(snapshot.major, _SUPPORTED)}"),),
    )


@cache
def _flaws() -> dict[str, Any]:
    text = resources.files("pgguard").joinpath("data/pgcrypto.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _decrypted_by(snapshot: Snapshot, database: DatabaseSnapshot) -> bool:
    return any(
        callers(snapshot, database, function)
        for function in database.functions
        if function.extension == _NAME and function.name in _OVERFLOWS
    )


def _asking(database: DatabaseSnapshot, ciphers: list[str]) -> list[str]:
    """The functions whose text holds pgcrypto's option for one of the ciphers."""
    options = tuple(f"cipher-algo={cipher}" for cipher in ciphers)
    # comments and all strings but pgcrypto's own options were masked on the server
    oids = {
        text.oid
        for text in database.definitions
        if text.kind == "function" and any(option in text.text.replace(" ", "") for option in options)
    }
    return [function_name(function) for function in database.functions if function.oid in oids]
