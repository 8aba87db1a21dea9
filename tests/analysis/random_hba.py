"""Random pg_hba.conf files for random roles and databases, with everything that the format allows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.analysis.hba_client import Question

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Sequence

# names that mean something else where they stand without quotes, and some that need quotes
USERS = ("u1", "u2", "u3", "u4", "all", "+g1", "/u1", "Upper", "with space", "é", "g1")
GROUPS = ("g1", "g2", "g3", "d1", "nobody")
GHOSTS = ("ghost", "u9")
DATABASES = ("d1", "d2", "u1", "g2", "all", "replication", "sameuser", "Upper", "/d")
CLIENTS = ("127.0.0.1", "127.0.0.3", "127.0.0.9", "127.1.2.3", "127.255.255.254")
ADDRESSES = (
    "127.0.0.0/8",
    "127.0.0.1/32",
    "127.0.0.3/32",
    "127.0.0.8/29",
    "127.0.0.3 255.0.0.255",
    "127.0.0.1 255.255.255.253",
    "127.1.2.77/24",
    "127.128.0.0/9",
    "0.0.0.0/0",
    "0.0.0.0/0",
    "::/0",
    "::1/128",
    "::1 ffff::ffff",
    "::ffff:127.0.0.0/104",
    "10.0.0.0/8",
    "all",
    "all",
    "samehost",
    "samenet",
)
NAMES = ("localhost", ".localdomain", '"all"', '"samehost"')
PATTERNS = ("/^u[12]$", "/1", "/^.{2}$", "/^d", "/e$|^w", "/^[[:alpha:]]+$", "/(?i)UPPER", "/x{0,1}$")
METHODS = ("password",) * 6 + ("md5", "scram-sha-256", "trust", "reject", "reject")
SQL = """
CREATE ROLE g1 LOGIN; CREATE ROLE g2; CREATE ROLE g3; CREATE ROLE d1; CREATE ROLE nobody;
CREATE ROLE u1 LOGIN; CREATE ROLE u2 LOGIN NOINHERIT; CREATE ROLE u3 LOGIN SUPERUSER;
CREATE ROLE u4 LOGIN REPLICATION;
CREATE ROLE "all" LOGIN; CREATE ROLE "+g1" LOGIN; CREATE ROLE "/u1" LOGIN; CREATE ROLE "Upper" LOGIN;
CREATE ROLE "with space" LOGIN; CREATE ROLE "é" LOGIN;
GRANT g1 TO u1; GRANT g2 TO g1; GRANT g2 TO u2 WITH ADMIN OPTION; GRANT g3 TO u4; GRANT d1 TO u4, "Upper";
"""
# a membership counts for +group whatever its options are
SQL_16 = "GRANT g3 TO u2 WITH INHERIT FALSE, SET FALSE"


class Maker:
    """Makes files and questions, the same for the same random numbers."""

    def __init__(self, numbers: random.Random, major: int, *, names: bool = False) -> None:
        self._numbers = numbers
        self._major = major
        # a host name, or a list of names whose quotes nobody sees, takes the certainty from every rule
        # after it: not too many files with one
        self._addresses = (*ADDRESSES, *NAMES) if names and self._chance(0.15) else ADDRESSES
        self._includes = self._chance(0.15)

    def files(self) -> dict[str, str]:
        """The files of a configuration by name; pg_hba.conf lets postgres in by the socket, for the test."""
        files = {"names": self._lines(self._words(USERS, "listed") for _ in range(2))}
        rules = [self._rule() for _ in range(self._numbers.randint(4, 24))]
        if self._major >= 16 and self._numbers.random() < 0.4:
            cut = self._numbers.randrange(len(rules) + 1)
            count = self._numbers.randint(0, 3)
            files["more.conf"] = self._lines(rules[cut : cut + count])
            rules[cut : cut + count] = ["include more.conf"]
        files["pg_hba.conf"] = self._lines(["local all postgres trust", *rules])
        return files

    def question(self, clients: Sequence[str], *, tls: bool) -> Question:
        """A connection that somebody might try."""
        address = self._pick(("local", *clients))
        return Question(
            user=self._pick((*USERS, *GHOSTS)),
            database=self._pick(DATABASES),
            address=address,
            tls=tls and address != "local" and self._chance(0.5),
            replication=self._pick(("true", "true", "database")) if self._chance(0.15) else "",
        )

    def _rule(self) -> str:
        types = ["local", "local", "host", "host", "host", "hostssl", "hostnossl"]
        if self._major >= 12:
            types += ["hostgssenc", "hostnogssenc"]
        kind = self._pick(types)
        parts = [kind, self._words(DATABASES, "database"), self._words(USERS, "user")]
        if kind != "local":
            parts.append(self._pick(self._addresses))
        parts.append(self._pick(METHODS))
        blank = " \\\n" if self._major >= 14 and self._chance(0.1) else " "
        return self._pick(("", "  ")) + blank.join(parts) + self._pick(("", "", " # a comment"))

    def _words(self, names: Sequence[str], field: str) -> str:
        count = self._numbers.choice((1, 1, 1, 2, 3))
        return self._pick((",", ", ")).join(self._word(names, field) for _ in range(count))

    def _word(self, names: Sequence[str], field: str) -> str:
        choice = self._numbers.random()
        if choice < 0.4:
            word = "all"
        elif choice < 0.55 and field == "database":
            word = self._pick(("sameuser", "samerole", "samegroup", "replication"))
        elif choice < 0.55 and field != "database":
            word = "+" + self._pick(GROUPS)
        elif choice < 0.65 and self._major >= 16:
            word = self._pick(PATTERNS)
        elif choice < 0.7 and field == "user" and self._includes:
            return "@names"
        else:
            word = self._pick(names)
        if any(char in word for char in ' ,"') or self._chance(0.15):
            return '"' + word + '"'
        return word

    def _lines(self, lines: Iterable[str]) -> str:
        found: list[str] = []
        for line in lines:
            found += [self._pick(("", "# a comment, all", "#"))] if self._chance(0.2) else []
            found.append(line)
        return "\n".join(found) + "\n"

    def _pick(self, some: Sequence[str]) -> str:
        return self._numbers.choice(some)

    def _chance(self, share: float) -> bool:
        return self._numbers.random() < share
