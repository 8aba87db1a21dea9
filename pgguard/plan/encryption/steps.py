"""The steps by which columns are encrypted, phase by phase over all tables.

install, expand, backfill, verify, switch, soak, contract, scrub. Until contract nothing that was there
before is
gone, and taking a step back loses nothing; after it the way back opens the values again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pgguard.errors import InputError
from pgguard.model.quote import ident
from pgguard.plan.encryption import functions as made
from pgguard.plan.encryption.contracting import (
    contract,
    scrub,
)
from pgguard.plan.encryption.expanding import (
    expand,
    install,
    install_subjects,
)
from pgguard.plan.encryption.refused import refusals
from pgguard.plan.encryption.switching import (
    soak,
    switch,
)
from pgguard.plan.encryption.verifying import (
    backfill,
    verify,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pgguard.model.encryption import EncryptedTable
    from pgguard.model.plan import Step


PHASES = ("install", "expand", "backfill", "verify", "switch", "soak", "contract", "scrub")


def plan_encryption(
    tables: Sequence[EncryptedTable], *, major: int
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The steps in order, and what is to be done by hand.

    Raises `InputError` with everything that cannot be encrypted as asked for.
    """
    wrong = [why for table in tables for why in refusals(table, major=major)]
    if wrong:
        raise InputError("\n".join(["these cannot be encrypted; nothing was planned:", *wrong]))
    steps = [install(name) for name in dict.fromkeys(one.database for one in tables)]
    steps += [install_subjects(name) for name in dict.fromkeys(one.database for one in tables if one.subject)]
    for make in (expand, backfill, verify):
        steps += [make(one) for one in tables]
    views = [one for one in tables if one.form == "view"]
    steps += [switch(one, major) for one in views]
    for make in (soak, contract, scrub):
        steps += [make(one) for one in tables]
    return tuple(steps), tuple(_by_hand(tables))


def _by_hand(tables: Sequence[EncryptedTable]) -> Iterator[str]:
    if not tables:
        return
    yield (
        "every program that reads or writes encrypted columns calls pgguard.unlock($1) after connecting, "
        "with the "
        "key-encryption key bound as a parameter, or the host key file is set up (pgguard keys host-file)"
    )
    yield (
        "roles that unlock: ALTER ROLE ... SET log_parameter_max_length = 0 where statements are logged; "
        "unlock() refuses sessions whose bound values would reach the log"
    )
    yield (
        "limits: a superuser, or root on the server, reads everything while a session is unlocked; clear "
        "literals in "
        "the statements of unchanged programs still reach logs; that a value is missing, its length in "
        "steps of 16 bytes, "
        "and with a blind index which values are equal, can be seen; whoever loses the key-encryption key "
        "loses the data"
    )
    yield (
        "UPDATE through a view is refused (40001) when another session changed the row in the same moment, "
        "where PostgreSQL would have waited and gone on: programs try again"
    )
    yield (
        "from expand on, until the switch, SELECT * and RETURNING * give the columns for the encrypted "
        "values too; a "
        "prepared one of before fails (0A000, cached plan must not change result type) until it is "
        "prepared anew or "
        "the program connects again: restart such programs right after expand, or name the columns"
    )
    if any(one.form == "view" for one in tables):
        yield (
            "from the switch on GRANT and REVOKE on the view do not reach the table behind it: say them for "
            "both, and for EXECUTE on the column's accessor (pgguard.open__...)"
        )
    for table in tables:
        if table.subject:
            yield (
                f"values of {made.table_name(table)} have a key for each {ident(table.subject)}: pgguard "
                "keys init --subjects before the files are applied; pgguard keys destroy-subject erases one: "
                "their values read as NULL then"
            )
        for publication in table.shape.publications:
            yield (
                f"publication {ident(publication)}: subscribers need the new columns before the files are "
                f"applied, and the "
                f"table's new name after the switch ({made.storage_name(table)})"
            )
        lost = sorted(
            ident(index.name)
            for index in table.shape.indexes
            if {one.name for one in table.columns if not one.searchable} & {*index.columns, *index.uses}
        )
        if lost:
            yield f"indexes of {made.table_name(table)} that go with the clear columns: {', '.join(lost)}"
