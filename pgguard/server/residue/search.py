"""The search itself: what to look for, then every place, one after the other."""

from __future__ import annotations

import lzma
import os
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

import psycopg
from psycopg import sql as compose

from pgguard.errors import ConnectError, UsageError
from pgguard.model.residue import CANARIES, Residue, Sought, Unsearched
from pgguard.server.connect import describe, said
from pgguard.server.keys_session import call_with_key, session, told
from pgguard.server.queries import variants
from pgguard.server.residue import files, scan
from pgguard.server.residue.elsewhere import elsewhere
from pgguard.server.residue.needles import SHORTEST, Seeker, Values
from pgguard.server.residue.places import Place, Places, Relation
from pgguard.server.residue.queries import rows, sql
from pgguard.server.residue.sampling import columns, draw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pgguard.model.residue import Found, Kind
    from pgguard.server.connect import Target
    from pgguard.store.kek_provider import Kek

    Connection = psycopg.Connection[tuple[str, ...]]

SAMPLE = 200
_UNTIL: dict[Kind, str] = {
    "table": "VACUUM FULL of the table, or pg_repack, and CHECKPOINT",
    "toast": "VACUUM FULL of the table, or pg_repack, and CHECKPOINT",
    "index": "REINDEX, or VACUUM FULL of the table, and CHECKPOINT",
    "copy": "whoever keeps that relation: a copy, or values that happen to be the same",
    "left-over": "a file of no relation: a relation that was dropped, or one that a transaction is making",
    "other-database": "whoever keeps that database: a copy, or values that happen to be the same",
    "statistics": "clearing the column's statistics, then VACUUM FULL pg_statistic",
    "statements": "pg_stat_statements_reset(), for its file a restart as well",
    "sessions": "the next statement of that session, or its end",
    "wal": "being written over or removed, after checkpoints; see pg_wal below",
    "replication": "the slot's receiver, or dropping the slot",
    "temporary": "the end of the statement, or a restart",
    "log": "the log's own rotation and removal",
    "other-file": "removing the file",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to search for: `sample` values of each column, and canaries that somebody planted.

    `key` is the key-encryption key, None where the session needs none. Neither it nor the canaries are shown.
    """

    sample: int = SAMPLE
    canaries: tuple[str, ...] = field(default=(), repr=False)
    key: Kek | None = field(default=None, repr=False)


class _Server(NamedTuple):
    installed: bool
    readable: bool
    version: str
    database: str
    encoding: str
    now: str
    block_size: int
    wal_block_size: int
    in_recovery: bool
    oid: int
    started: int


def search(
    target: Target,
    wanted: Wanted,
    *,
    say: Callable[[str], None] = lambda text: None,
    progress: Callable[[str], None] = lambda text: None,
) -> Residue:
    """Search one database's values all over its server.

    `say` is told what is to be known of the channel. Raises `ConnectError` when there is no connection, or
    PostgreSQL is older than 14, `UsageError` when others could read the network, when there is nothing to
    look for, or a canary is shorter than 6 bytes, and `InputError` for a wrong key.
    """
    # values, and pieces of files, go over this session: it has to be as private as one that a key goes over
    with session(target, say=say) as (connection, _):
        # nothing is changed here but where dirty pages are
        connection.execute("SET default_transaction_read_only = on")
        try:
            return _Search(connection, wanted, progress).run()
        except psycopg.Error as error:
            # its own words only: the rest may repeat a value
            raise ConnectError(
                f"the search broke off: {said(error)}"
                if not error.sqlstate
                else f"the search broke off: the server refused it ({error.sqlstate})"
            ) from None


class _Search:
    """One run; what was found and what could not be searched grow as it goes."""

    def __init__(self, connection: Connection, wanted: Wanted, progress: Callable[[str], None]) -> None:
        self.connection = connection
        self.wanted = wanted
        self.progress = progress
        self.server = _Server(*rows(connection, "ready")[0])
        self.settings = {str(name): str(value) for name, value, _ in rows(connection, "settings")}
        self.values = Values()
        self.found: list[Found] = []
        self.unsearched: list[Unsearched] = []
        self.files = 0
        self.bytes = 0

    def run(self) -> Residue:
        """All of it, in order."""
        sought, own = self._sought()
        self.progress("CHECKPOINT")
        self._checkpoint()
        seeker = Seeker(self.values.needles())
        self._statistics(seeker)
        self._texts(seeker)
        began = time.monotonic()
        how = self._files(seeker, own)
        return Residue(
            describe(self.connection),
            self.server.database,
            self.server.version,
            self.server.now,
            tuple(sought),
            tuple(self.found),
            tuple(self.unsearched),
            tuple(elsewhere(self.connection, self.settings, own, in_recovery=self.server.in_recovery)),
            how,
            self.files,
            self.bytes,
            time.monotonic() - began,
        )

    def _sought(self) -> tuple[list[Sought], list[int]]:
        found: list[Sought] = []
        own: list[int] = []
        encodings = self._encodings()
        if self.wanted.canaries:
            found.append(self._canaries(encodings[1]))
        if self.server.installed and not self.server.readable:
            self._not(
                "encrypted columns", "permission denied for pgguard.encrypted_column: run as pgguard_keys"
            )
        elif self.server.installed:
            known = columns(self.connection)
            if known and self.wanted.key is not None:
                with told():
                    call_with_key(self.connection, "unlock", self.wanted.key)
            for one in known:
                self.progress(f"drawing values of {one}")
                parts = rows(self.connection, "parts", one.relation)
                own += [int(oid) for oid, _ in parts]
                size = sum(int(size) for _, size in parts)
                found.append(draw(self.connection, one, self.wanted.sample, size, encodings, self.values))
        if not found and not self.unsearched:
            msg = (
                "there is no encrypted column in this database, and no canary was given: nothing to look for"
            )
            raise UsageError(msg)
        return found, own

    def _canaries(self, encoding: str) -> Sought:
        searched = 0
        for number, canary in enumerate(self.wanted.canaries, 1):
            if not self.values.add(CANARIES, canary.encode(), "text", encoding)[0]:
                msg = f"canary {number} is shorter than {SHORTEST} bytes: it would be found by chance"
                raise UsageError(msg)
            searched += 1
        return Sought(CANARIES, searched, self.values.of(CANARIES), 0, 0)

    def _encodings(self) -> tuple[str, str]:
        if self.server.encoding == "SQL_ASCII":
            return "SQL_ASCII", "utf-8"
        # psycopg knows Python's names of PostgreSQL's encodings
        self.connection.execute(
            compose.SQL("SET client_encoding = {}").format(compose.Literal(self.server.encoding))
        )
        name = self.connection.info.encoding
        self.connection.execute("SET client_encoding = 'UTF8'")
        return "UTF8", name

    def _checkpoint(self) -> None:
        try:
            self.connection.execute("CHECKPOINT")
        except psycopg.Error:
            self._not(
                "pages in memory",
                "CHECKPOINT needs a superuser, or pg_checkpoint from 15 on: files may be older than what was "
                "done last; run CHECKPOINT, then search again",
            )

    def _statistics(self, seeker: Seeker) -> None:
        for name in ("statistics", "extended_statistics"):
            tallies: dict[str, scan.Tally] = {}
            try:
                with (
                    self.connection.transaction(),
                    self.connection.cursor(name="pgguard_residue", binary=True) as cursor,
                ):
                    cursor.execute(sql(name))
                    for relation, column, data in cursor:
                        where = f"{relation} ({column})" if column else str(relation)
                        text = cast("bytes", data).replace(b'\\"', b'"').replace(b"\\\\", b"\\")
                        scan.plain(seeker, text, tallies.setdefault(where, scan.Tally()))
            except psycopg.Error:
                self._not(f"planner statistics ({name})", "only a superuser may read them: run as one")
            self._tell("statistics", tallies)

    def _texts(self, seeker: Seeker) -> None:
        self._text(seeker, "sessions", sql("sessions"), "pg_stat_activity")
        found = self.connection.execute(variants("session", "statements_schema")[0]).fetchone()
        if found is not None and found[0] != "pg_catalog":
            view = compose.Identifier(str(found[0]), "pg_stat_statements")
            text = compose.SQL("WITH pg_stat_statements AS (SELECT * FROM {})\n{}").format(
                view,
                compose.SQL(sql("statements").decode()),
            )
            self._text(seeker, "statements", text, "pg_stat_statements")

    def _text(self, seeker: Seeker, kind: Kind, query: bytes | compose.Composed, view: str) -> None:
        tally = scan.Tally()
        hidden = False
        try:
            with (
                self.connection.transaction(),
                self.connection.cursor(name="pgguard_residue", binary=True) as cursor,
            ):
                cursor.execute(query)
                for row in cursor:
                    shown = cast("bytes | None", row[0])
                    hidden = hidden or shown is None
                    scan.plain(seeker, shown or b"", tally)
        except psycopg.Error as error:
            self._not(view, f"the server refused it ({error.sqlstate})")
        if hidden:
            self._not(view, "other roles' statements are hidden: GRANT pg_read_all_stats")
        self._tell(kind, {view: tally})

    def _tell(self, kind: Kind, tallies: dict[str, scan.Tally]) -> None:
        for name, tally in sorted(tallies.items()):
            if tally.times:
                self.found.append(tally.found(kind, name, "", _UNTIL[kind], self.values))

    def _not(self, what: str, why: str) -> None:
        self.unsearched.append(Unsearched(what, why))

    def _files(self, seeker: Seeker, own: Sequence[int]) -> str:
        """Search the server's files; how they were read, or nothing."""
        reader = self._reader()
        if reader is None:
            return ""
        places = self._places(own)
        listed = list(self._listed(reader))
        total = sum(one.size for one, _ in listed)
        for file, kind in listed:
            self.progress(f"searching {self.bytes >> 20} of {total >> 20} MB: {file.path}")
            place = places.of(file.path) if kind is None else Place(kind, "")
            if place.kind == "left-over":
                # made since the list of relations was
                places = self._places(own)
                place = places.of(file.path)
            self._file(seeker, reader, file, place)
        self._compressed_wal()
        return reader.how

    def _places(self, own: Sequence[int]) -> Places:
        relations = [Relation(*row) for row in rows(self.connection, "relations")]
        databases = {int(oid): str(name) for oid, name in rows(self.connection, "databases")}
        return Places(relations, own, self.server.oid, databases)

    def _reader(self) -> files.Reader | None:
        info = self.connection.info
        reader: files.Reader | None
        reader, why = files.local(
            self.settings.get("data_directory", ""), self.server.started, info.host or ""
        )
        if reader is None:
            if not rows(self.connection, "may_read")[0][0]:
                self._not(
                    "the server's files",
                    f"{why}; and this role may not execute pg_read_binary_file, pg_ls_dir and pg_stat_file",
                )
                return None
            reader = files.Remote(self.connection)
        return reader

    def _listed(self, reader: files.Reader) -> Iterator[tuple[files.File, Kind | None]]:
        """The files to search; the kind is given for logs alone."""
        seen: set[str] = set()
        for file in reader.listed(""):
            if isinstance(file, files.Refused):
                self._not(file.path, file.why)
            elif not file.path.startswith(("pg_tblspc/",)) or "/PG_" in file.path:
                seen.add(file.path)
                yield file, "log" if self._is_log(file.path) else None
        for file, known in self._logs(reader):
            if file.path not in seen:
                yield file, known

    def _is_log(self, path: str) -> bool:
        folder = self.settings.get("log_directory", "")
        return (
            self.settings.get("logging_collector") == "on" and bool(folder) and path.startswith(f"{folder}/")
        )

    def _logs(self, reader: files.Reader) -> Iterator[tuple[files.File, Kind]]:
        destinations = self.settings.get("log_destination", "")
        if "syslog" in destinations or "eventlog" in destinations:
            self._not("the server's log", f"it goes to {destinations}: search it there")
        folder = self.settings.get("log_directory", "")
        prefix = ""
        if self.settings.get("logging_collector") != "on":
            messages = (
                files.standard_error(self.settings.get("data_directory", ""))
                if isinstance(reader, files.Local)
                else ""
            )
            if not messages:
                if destinations != "syslog":
                    self._not(
                        "the server's log",
                        "the server writes it to its standard error, which belongs to whatever started it "
                        "(the journal, a container's log): search it there",
                    )
                return
            folder, prefix = str(Path(messages).parent), Path(messages).name
        elif not folder:
            self._not("the server's log", "the server does not say where it is: GRANT pg_read_all_settings")
            return
        elif not folder.startswith("/"):
            # listed with the data directory
            return
        for file in reader.listed(folder):
            if isinstance(file, files.Refused):
                self._not(f"log folder {file.path}", file.why)
            elif Path(file.path).name.startswith(prefix) and (
                not prefix or Path(file.path).parent == Path(folder)
            ):
                yield file, "log"

    def _file(self, seeker: Seeker, reader: files.Reader, file: files.File, place: Place) -> None:
        suffix = Path(file.path).suffix
        if place.kind in ("log", "other-file") and (
            suffix in files.PACKED or (suffix in files.UNPACKED and not isinstance(reader, files.Local))
        ):
            self._not(file.path, "it is compressed, and not in a way that is unpacked here")
            return
        tally = scan.Tally()
        pieces = reader.pieces(file)
        try:
            if place.is_paged:
                size = scan.paged(seeker, pieces, self.server.block_size, place, tally)
            elif place.kind == "wal":
                size = scan.wal(seeker, pieces, self.server.wal_block_size, tally)
            else:
                size = scan.stream(seeker, pieces, tally)
            self.bytes += size
            self.files += 1
        except (OSError, EOFError, zlib.error, lzma.LZMAError, psycopg.Error) as error:
            why = (
                os.strerror(error.errno)
                if isinstance(error, OSError) and error.errno
                else "it cannot be read"
            )
            self._not(file.path, why)
        if tally.times:
            self.found.append(tally.found(place.kind, place.name, file.path, _UNTIL[place.kind], self.values))

    def _compressed_wal(self) -> None:
        if self.settings.get("wal_compression", "off") != "off":
            self._not(
                "images of pages in WAL",
                f"wal_compression = {self.settings['wal_compression']}: what it compressed is not unpacked",
            )
