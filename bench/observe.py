"""`make bench-observe`: server logs of a million lines in each format, read as a user reads them.

The logs are generated: several hundred logins from several hundred addresses over two weeks, with
authenticated identities, statements, errors, refusals and ends of sessions, in the order of time. Beside
the reading stands a plain Python pass over the same file, in the same run: absolute times say more about
the machine than about the program.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from bench.process import Run, middle, pgguard, timed, told
from pgguard.demo.binaries import find_postgres
from pgguard.demo.cluster import Cluster
from pgguard.model.quote import ident

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

FORMATS = ("jsonlog", "csvlog", "stderr")
# what Debian's packages set
PREFIX = "%m [%p] %q%u@%d "
DAYS = 14
LOGINS = 400
SHARED = 12
ADDRESSES = 600
OPEN = 300
GOAL_SECONDS = 30
_LINES_A_SESSION = 12
# the least that plain Python can do with such a file
_PLAIN = {
    "jsonlog": "import json, sys\nfor line in open(sys.argv[1], 'rb'):\n    json.loads(line)\n",
    "csvlog": "import csv, sys\nfor row in csv.reader(open(sys.argv[1], newline='')):\n    pass\n",
    "stderr": "import sys\nfor line in open(sys.argv[1]):\n    line.split(' ', 5)\n",
}
_TABLES = """
CREATE SCHEMA lab;
CREATE TABLE lab.patient (id bigint PRIMARY KEY, ward text);
CREATE TABLE lab.result (id bigint PRIMARY KEY, patient bigint, value float, label text, read_at timestamptz);
"""
_ZONE = "UTC"
_SEED = 7


class Line(NamedTuple):
    """One message of a log; `at` and `started` in seconds since the epoch."""

    at: float
    started: int
    pid: int
    number: int
    role: str
    database: str
    application: str
    address: str
    port: int
    severity: str
    sqlstate: str
    message: str
    detail: str = ""
    statement: str = ""


class _Client(NamedTuple):
    role: str
    application: str
    address: str
    identity: str
    method: str


class _Open:
    """A session that goes on: what it writes next."""

    def __init__(self, client: _Client, at: float, pid: int, length: int) -> None:
        self.client, self.started, self.pid, self.left = client, int(at), pid, length
        self.number = 0
        self.port = 1024 + pid % 60_000
        self.known = False

    def line(self, at: float, severity: str, sqlstate: str, message: str, *more: str) -> Line:
        self.number += 1
        one = self.client
        role, database = (one.role, "lab") if self.known else ("", "")
        application = one.application if self.left >= 0 and self.number > 3 else ""
        where = (role, database, application, one.address, self.port)
        return Line(at, self.started, self.pid, self.number, *where, severity, sqlstate, message, *more)


def clients(chance: random.Random) -> list[_Client]:
    """Who comes: persons at their desks, shared logins from many desks, services from few hosts."""
    hosts = [f"10.{number // 200}.{number % 200}.{20 + number % 7}" for number in range(ADDRESSES)]
    found = []
    for number in range(LOGINS - SHARED - 8):
        host = hosts[number % ADDRESSES]
        found.append(_Client(f"person_{number}", "psql", host, f"person_{number}@CHU.EXAMPLE", "gss"))
    for number in range(SHARED):
        for host in chance.sample(hosts, 30):
            tool = chance.choice(("DBeaver 24.1 - Main", "pgAdmin 4 - DB:lab", "psql", "Excel"))
            found.append(_Client(f"desk_{number}", tool, host, f"desk_{number}", "scram-sha-256"))
    for number in range(8):
        for host in hosts[number * 3 : number * 3 + 3]:
            found += [_Client(f"service_{number}", "lis", host, f"service_{number}", "scram-sha-256")] * 12
    return found


def lines(count: int, seed: int, until: float) -> Iterator[Line]:
    """So many messages up to that time."""
    # the same log each time
    chance = random.Random(seed)  # noqa: S311
    known = clients(chance)
    running: list[_Open] = []
    step = DAYS * 86400 / count
    at = until - DAYS * 86400
    pid = 1000
    waiting: list[Line] = []
    for _ in range(count):
        at += step
        if waiting:
            yield waiting.pop()._replace(at=at)
            continue
        if len(running) < OPEN or chance.random() < 0.02:
            pid = pid + 1 if pid < 4_000_000 else 1000
            session = _Open(chance.choice(known), at, pid, int(chance.expovariate(1 / _LINES_A_SESSION)))
            received = f"connection received: host={session.client.address} port={session.port}"
            first = session.line(at, "LOG", "00000", received)
            session.known = True
            if chance.random() < 0.03:
                waiting = list(_refused(session, at))
            else:
                waiting = list(_authorized(session, at))
                running.append(session)
            yield first
            continue
        place = chance.randrange(len(running))
        session = running[place]
        if session.left > 0:
            session.left -= 1
            yield _statement(session, at, chance)
        else:
            running[place] = running[-1]
            running.pop()
            one = session.client
            lasted = int(at - session.started)
            spent = f"{lasted // 3600}:{lasted // 60 % 60:02}:{lasted % 60:02}.120"
            told = f"user={one.role} database=lab host={one.address} port={session.port}"
            yield session.line(at, "LOG", "00000", f"disconnection: session time: {spent} {told}")


def _authorized(session: _Open, at: float) -> Iterator[Line]:
    # taken from the end
    one = session.client
    identity = f'connection authenticated: identity="{one.identity}" method={one.method} '
    authenticated = session.line(at, "LOG", "00000", identity + "(/etc/postgresql/pg_hba.conf:96)")
    tls = "SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)"
    told = f"user={one.role} database=lab application_name={one.application} {tls}"
    yield session.line(at, "LOG", "00000", f"connection authorized: {told}")
    yield authenticated


def _refused(session: _Open, at: float) -> Iterator[Line]:
    message = f'password authentication failed for user "{session.client.role}"'
    detail = (
        f'Connection matched pg_hba.conf line 96: "host lab all {session.client.address}/32 scram-sha-256"'
    )
    yield session.line(at, "FATAL", "28P01", message, detail)


def _statement(session: _Open, at: float, chance: random.Random) -> Line:
    number = chance.randrange(100_000)
    kind = chance.random()
    if kind < 0.04:
        statement = f"INSERT INTO lab.result (id, patient, value) VALUES ({number}, {number % 977}, 4.2)"
        message = 'duplicate key value violates unique constraint "result_pkey"'
        return session.line(at, "ERROR", "23505", message, f"Key (id)=({number}) already exists.", statement)
    if kind < 0.10:
        # statements of several lines are what a stderr log continues
        text = f"SELECT r.id,\n       p.ward\nFROM lab.result AS r\nJOIN lab.patient AS p ON p.id = {number}"
    elif kind < 0.6:
        text = f"UPDATE lab.result SET value = {number % 90}.5, read_at = now() WHERE id = {number}"
    else:
        text = f"SELECT id, label, value FROM lab.result WHERE patient = {number} ORDER BY id LIMIT 50"
    return session.line(
        at, "LOG", "00000", f"duration: {number % 977}.{number % 1000:03} ms  statement: {text}"
    )


class _Writer:
    """Writes messages as the server writes them in one format."""

    def __init__(self, file: TextIO, kind: str) -> None:
        self._file = file
        self._write = {"jsonlog": self._json, "csvlog": self._csv, "stderr": self._stderr}[kind]
        self._second = -1
        self._stamp = ""

    def write(self, one: Line) -> None:
        second = int(one.at)
        if second != self._second:
            self._second, self._stamp = second, _local(second)
        self._file.write(self._write(one, f"{self._stamp}.{int(one.at % 1 * 1000):03} {_ZONE}"))

    def _json(self, one: Line, at: str) -> str:
        fields: dict[str, object] = {"timestamp": at}
        if one.role:
            fields |= {"user": one.role, "dbname": one.database}
        fields |= {
            "pid": one.pid,
            "remote_host": one.address,
            "remote_port": one.port,
            "session_id": f"{one.started:x}.{one.pid:x}",
            "line_num": one.number,
            "ps": "idle",
            "session_start": f"{_local(one.started)} {_ZONE}",
            "vxid": f"7/{one.number}",
            "txid": 0,
            "error_severity": one.severity,
        }
        if one.sqlstate != "00000":
            fields["state_code"] = one.sqlstate
        fields["message"] = one.message
        fields |= {"detail": one.detail} if one.detail else {}
        fields |= {"statement": one.statement} if one.statement else {}
        fields |= {"application_name": one.application} if one.application else {}
        fields |= {"backend_type": "client backend", "query_id": 0}
        return json.dumps(fields, separators=(",", ":"), ensure_ascii=False) + "\n"

    def _csv(self, one: Line, at: str) -> str:
        row = [
            *(at, _quoted(one.role), _quoted(one.database), str(one.pid), f'"{one.address}:{one.port}"'),
            *(f"{one.started:x}.{one.pid:x}", str(one.number), '"idle"', f"{_local(one.started)} {_ZONE}"),
            *(f"7/{one.number}", "0", one.severity, one.sqlstate, _quoted(one.message), _quoted(one.detail)),
            *(
                "",
                "",
                "",
                "",
                _quoted(one.statement),
                "",
                "",
                f'"{one.application}"',
                '"client backend"',
                "",
                "0",
            ),
        ]
        return ",".join(row) + "\n"

    def _stderr(self, one: Line, at: str) -> str:
        name = f"{one.role or '[unknown]'}@{one.database or '[unknown]'}"
        head = f"{at} [{one.pid}] {name} "
        written = [(one.severity, one.message), ("DETAIL", one.detail), ("STATEMENT", one.statement)]
        return "".join(
            head + f"{word}:  {text}".replace("\n", "\n\t") + "\n" for word, text in written if text
        )


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and return 0: a benchmark informs, it does not judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.observe", description=__doc__)
    parser.add_argument(
        "--lines", type=int, default=1_000_000, help="messages of each log (default a million)"
    )
    parser.add_argument("--times", type=int, default=4, help="so much longer is the long log (default 4)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each is measured (default 1)")
    parser.add_argument("--folder", help="where the logs are made (default: the system's temporary folder)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(dir=options.folder) as made:
        work = Path(made)
        until = datetime.datetime.now(datetime.UTC).timestamp() - 60
        logs = _generate(work, options.lines, until)
        before = _each_format(logs, options.lines, options.rounds, work)
        _analyses(work, logs["jsonlog"], before)
        longer = work / "long.jsonlog"
        _write({"jsonlog": longer}, options.lines * options.times, until)
        after = pgguard(*_observe(longer, work / "long.sqlite"))
        time, memory = after.seconds / before.seconds, after.mebibytes / before.mebibytes
        print(f"  {options.times} times the lines           {told([after])}")
        print(f"    {time:.2f} x the time, {memory:.2f} x the memory")
    return 0


def _generate(work: Path, count: int, until: float) -> dict[str, Path]:
    logs = {kind: work / f"server.{kind}" for kind in FORMATS}
    _write(logs, count, until)
    size = ", ".join(f"{kind} {path.stat().st_size / 1e6:.0f} MB" for kind, path in logs.items())
    print(f"{count:,} messages of {LOGINS} logins from {ADDRESSES} addresses in {DAYS} days: {size}")
    return logs


def _write(logs: dict[str, Path], count: int, until: float) -> None:
    with ExitStack() as stack:
        writers = [
            _Writer(stack.enter_context(path.open("w", encoding="utf-8")), kind)
            for kind, path in logs.items()
        ]
        for one in lines(count, _SEED, until):
            for writer in writers:
                writer.write(one)


def _each_format(logs: dict[str, Path], count: int, rounds: int, work: Path) -> Run:
    found: dict[str, list[Run]] = {}
    for kind, path in logs.items():
        beside = []
        for number in range(rounds):
            store = work / f"{kind}.{number}.sqlite"
            beside.append(timed([sys.executable, "-c", _PLAIN[kind], str(path)]))
            found.setdefault(kind, []).append(pgguard(*_observe(path, store)))
        seconds = middle(found[kind])
        ratio, busy = seconds / middle(beside), found[kind][0].processor / beside[0].processor
        print(f"  observe --log {kind:<8}    {told(found[kind])}  (goal: a million under {GOAL_SECONDS} s)")
        print(f"    {count / seconds:,.0f} messages/s, {path.stat().st_size / 1e6 / seconds:.1f} MB/s")
        print(
            f"    {ratio:.2f} x plain Python over the file ({busy:.2f} x its processor time): {told(beside)}"
        )
    return found["jsonlog"][0]


def _observe(log: Path, store: Path) -> list[str]:
    prefix = ["--prefix", PREFIX] if log.suffix == ".stderr" else []
    return ["observe", "--log", str(log), "--store", str(store), *prefix]


def _analyses(work: Path, log: Path, read: Run) -> None:
    """What is made of a log: the grades of an inspection, and the privileges that its statements took."""
    saved, stores = work / "snapshot", (work / "jsonlog.0.sqlite", work / "learnt.sqlite")
    with Cluster.start(find_postgres()) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE lab")
            known = clients(random.Random(_SEED))  # noqa: S311
            for role in sorted({one.role for one in known}):
                connection.execute(f"CREATE ROLE {ident(role)} LOGIN".encode())
        with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
            connection.execute(_TABLES)
        target = ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", "postgres"]
        pgguard("snapshot", *target, "-o", str(saved))
    without = pgguard("inspect", "--from", str(saved))
    graded = pgguard("inspect", "--from", str(saved), "--observations", str(stores[0]))
    learnt = pgguard("learn", "--log", str(log), "--from", str(saved), "--store", str(stores[1]))
    print(f"  inspect without             {told([without])}")
    print(f"  inspect --observations      {told([graded])}, {graded.seconds / without.seconds:.2f} x without")
    print(f"  learn --log                 {told([learnt])}, {learnt.seconds / read.seconds:.2f} x observe")
    every = sum(run.seconds for run in (read, graded, learnt))
    busy = sum(run.processor for run in (read, graded, learnt))
    print(f"  every analysis              {every:7.2f} s, {busy:7.2f} s of processor")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if text else ""


def _local(second: int) -> str:
    return datetime.datetime.fromtimestamp(second, datetime.UTC).strftime("%Y-%m-%d %H:%M:%S")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
