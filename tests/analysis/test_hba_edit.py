"""Changes of lines of pg_hba.conf: the server then reads what was meant, and nothing else moved.

PGGUARD_LONG=1 tries many more random files.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.analysis.hba.edit import (
    CommentOut,
    Edit,
    Insert,
    Replace,
    apply_edits,
    edit_files,
    physical,
    rules_for,
    written_group,
    written_name,
)
from pgguard.analysis.hba.effect import as_if, effects
from pgguard.analysis.hba.explain import first_match
from pgguard.analysis.hba.index import REPLICATION
from pgguard.analysis.hba.parse import Texts, parse_rules
from pgguard.analysis.hba.rules import dead_letters, written_address
from pgguard.errors import InputError
from pgguard.plan.hba_patch import Changed
from pgguard.report.hba_patch import diff
from pgguard.server.hba_file import difference
from pgguard.server.read import read_open
from tests.analysis.hba_client import ask
from tests.analysis.random_hba import CLIENTS, DATABASES, SQL, SQL_16, Maker
from tests.analysis.test_hba_server import _connection as connection_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgguard.demo.cluster import Cluster
    from pgguard.model.rows import HbaRule
    from pgguard.model.snapshot import Snapshot

FILES, PAIRS, QUESTIONS = (200, 60, 40) if os.environ.get("PGGUARD_LONG") else (8, 9, 12)
_ODD = (
    "all",
    "+g1",
    "/u1",
    "with space",
    "é",
    'quo"te',
    "com,ma",
    "sh#arp",
    "@file",
    "replication",
    "back\\",
)


@pytest.fixture
def server(new_cluster: Callable[..., Cluster]) -> Iterator[tuple[Cluster, psycopg.Connection]]:
    cluster = new_cluster(listen=["127.0.0.1"], tls=True, settings={"log_connections": "on"})
    with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        admin.execute(SQL.encode())
        if cluster.postgres.major >= 16:
            admin.execute(SQL_16.encode())
        yield cluster, admin


def test_rules_are_read_as_the_server_reads_them(server: tuple[Cluster, psycopg.Connection]) -> None:
    cluster, admin = server
    for number in range(FILES):
        maker = Maker(random.Random(f"read {number}"), cluster.postgres.major)  # noqa: S311
        texts, snapshot = _loaded(cluster, admin, maker.files())
        parsed = as_if(snapshot, texts)
        assert difference(parsed.hba_rules, snapshot.hba_rules) == "", texts
        assert [one.number for one in parsed.hba_rules if not one.error] == [
            one.number for one in snapshot.hba_rules if not one.error
        ]


@pytest.mark.parametrize(
    "line",
    [
        "host all all 10.0.0.1 md5",
        "host all all 10.0.0.0/33 md5",
        "host all all example.org/8 md5",
        "host all all 10.0.0.0 255.x md5",
        "hosts all all 10.0.0.0/8 md5",
        "host all all",
        "host all",
        "local all all md6",
        "local all all cert",
        "host all all 10.0.0.0/8 peer",
        "host all all 10.0.0.0/8,11.0.0.0/8 md5",
        "host all all 10.0.0.0/8 md5 map",
        "local,host all all md5",
    ],
)
def test_lines_that_do_not_load_are_known(line: str, server: tuple[Cluster, psycopg.Connection]) -> None:
    cluster, admin = server
    texts, snapshot = _loaded(cluster, admin, {"pg_hba.conf": f"local all postgres trust\n{line}\n"})
    for rules in (snapshot.hba_rules, as_if(snapshot, texts).hba_rules):
        assert [(one.line, bool(one.error)) for one in rules] == [(1, False), (2, True)]


def test_edits_come_to_what_was_meant_and_keep_the_rest(server: tuple[Cluster, psycopg.Connection]) -> None:
    cluster, admin = server
    made = 0
    for number in range(FILES):
        numbers = random.Random(f"edit {number}")  # noqa: S311
        files = Maker(numbers, cluster.postgres.major).files()
        if numbers.random() < 0.3:
            files["pg_hba.conf"] = files["pg_hba.conf"].replace("\n", "\r\n")
        texts, snapshot = _loaded(cluster, admin, files)
        edits, meant = _random_edits(numbers, snapshot, texts)
        made += len(edits)
        after = edit_files(texts, edits, snapshot.major)
        _loaded(cluster, admin, {path.rpartition("/")[2]: text or "" for path, text in after.files.items()})
        with admin.transaction():
            shown = read_open(admin)
        assert [_content(one) for one in shown.hba_rules if not one.error] == meant, (texts, edits)
        assert difference(as_if(snapshot, after).hba_rules, shown.hba_rules) == ""
        for path, text in texts.files.items():
            _assert_rest_kept(text or "", [one for one in edits if one.file == path], snapshot.major)
    assert made > FILES


def test_an_edit_of_nothing_is_refused() -> None:
    text = "# a comment\nlocal all all trust\n"
    for edit in (CommentOut("f", 1), CommentOut("f", 3), Replace("f", 2, "address", "10.0.0.0/8")):
        with pytest.raises(InputError):
            apply_edits(text, [edit], 16)
    for text_of_two in ("local all all trust\nlocal all all trust", "local all all \\"):
        with pytest.raises(InputError):
            apply_edits(text, [Insert("f", 2, text_of_two)], 16)


def test_spacing_comments_and_ends_are_kept() -> None:
    text = 'host   all  "a b"   10.0.0.0 255.0.0.0   trust # "why"\r\n\r\nlocal all all trust'
    edits: list[Edit] = [
        Replace("f", 1, "address", "10.1.0.0/16"),
        Replace("f", 1, "type", "hostssl"),
        Insert("f", 3, "# said", after=True),
    ]
    assert apply_edits(text, edits, 16).text == (
        'hostssl all  "a b"   10.1.0.0/16          trust # "why"\r\n\r\nlocal all all trust\r\n# said\r\n'
    )


def test_what_follows_a_last_backslash_is_a_line_of_its_own() -> None:
    found = apply_edits("local all all trust \\\n", [Insert("f", 1, "local x all trust", after=True)], 16)
    rules = parse_rules(Texts("f", {"f": found.text}, {}), 16, {}).rules
    assert [one.databases for one in rules] == [("all",), ("x",)]


def test_names_mean_themselves_alone(server: tuple[Cluster, psycopg.Connection]) -> None:
    cluster, admin = server
    for name in _ODD:
        admin.execute(psycopg.sql.SQL("DROP ROLE IF EXISTS {}").format(psycopg.sql.Identifier(name)))
        admin.execute(psycopg.sql.SQL("CREATE ROLE {} LOGIN").format(psycopg.sql.Identifier(name)))
    logins = [*_ODD, "u1", "u2", "g1"]
    for name in _ODD:
        word = written_name(name, cluster.postgres.major)
        _loaded(cluster, admin, {"pg_hba.conf": f"local all postgres trust\nlocal all {word} trust\n"})
        assert [one for one in logins if _gets_in(cluster, one)] == [name]
    with pytest.raises(InputError):
        written_name("two\nlines", 16)


def test_groups_of_any_name_let_their_members_in(server: tuple[Cluster, psycopg.Connection]) -> None:
    cluster, admin = server
    for name in ("group of people", 'quo"te', "+plus", "/slash", "all"):
        admin.execute(psycopg.sql.SQL("DROP ROLE IF EXISTS {}").format(psycopg.sql.Identifier(name)))
        admin.execute(psycopg.sql.SQL("CREATE ROLE {} ROLE u2").format(psycopg.sql.Identifier(name)))
        line = f"local all {written_group(name)} trust"
        _loaded(cluster, admin, {"pg_hba.conf": f"local all postgres trust\n{line}\n"})
        assert [one for one in ("u1", "u2", "u4") if _gets_in(cluster, one)] == ["u2"]
        admin.execute(psycopg.sql.SQL("DROP ROLE {}").format(psycopg.sql.Identifier(name)))


def test_members_get_in_wherever_the_login_is_named(server: tuple[Cluster, psycopg.Connection]) -> None:
    cluster, admin = server
    admin.execute("CREATE ROLE labo LOGIN; CREATE ROLE people; CREATE ROLE ada LOGIN IN ROLE people")
    hba = (
        "local all postgres trust\n"
        'local template1 "labo" reject # not there\n'
        "local all u1, labo trust\n"
        "local all all reject\n"
    )
    texts, snapshot = _loaded(cluster, admin, {"pg_hba.conf": hba})
    assert _gets_in(cluster, "labo")
    assert not _gets_in(cluster, "ada")
    complemented = edit_files(texts, rules_for(snapshot, texts, "people", "labo"), snapshot.major)
    _loaded(cluster, admin, {"pg_hba.conf": complemented.files[texts.main] or ""})
    for login in ("labo", "ada"):
        assert _gets_in(cluster, login)
        assert not _gets_in(cluster, login, "template1")
    replaced = edit_files(texts, rules_for(snapshot, texts, "people", "labo", replacing=True), snapshot.major)
    assert "local template1 +people reject # not there\n" in (replaced.files[texts.main] or "")


@pytest.mark.parametrize("tls", [True, False])
def test_effects_are_what_the_server_does(tls: bool, new_cluster: Callable[..., Cluster]) -> None:
    cluster = new_cluster(listen=["127.0.0.1"], tls=tls, settings={"log_connections": "on"})
    seen: dict[str, int] = {}
    with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
        admin.execute(SQL.encode())
        _set_passwords(admin)
        for name in DATABASES:
            admin.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        for number in range(PAIRS):
            numbers = random.Random(f"effects {cluster.postgres.major} {tls} {number}")  # noqa: S311
            maker = Maker(numbers, cluster.postgres.major)
            files = [maker.files(), maker.files()]
            if number % 3:
                # much the same file
                instead = ("scram-sha-256", "reject")[number % 3 - 1]
                text = files[0]["pg_hba.conf"].replace("password", instead, 2)
                files[1] = {**files[0], "pg_hba.conf": text}
            asked = [maker.question(CLIENTS, tls=tls) for _ in range(QUESTIONS)]
            asked = [one for one in asked if not one.replication]
            before, was = _judged(cluster, admin, files[0], asked)
            after, now = _judged(cluster, admin, files[1], asked)
            found = effects(before, before.replaced(hba_rules=after.hba_rules, hba_quotes=after.hba_quotes))
            for question, first, second in zip(asked, was, now, strict=True):
                role = before.role(question.user)
                point = connection_of(question)
                if role is None or not role.login or point.database == REPLICATION:
                    continue
                kinds = {
                    # unencrypted, they are turned away all the same
                    "loses" if effect.kind == "encrypts" else effect.kind
                    for effect in found
                    if point.way in effect.entry.ways
                    and point.user in effect.entry.logins
                    and point.database in effect.entry.databases
                    and point.address.within(effect.entry.addresses)
                    and not effect.perhaps
                }
                vague = [first_match(one, point).perhaps for one in (before, after)]
                if any(vague):
                    continue
                assert kinds == _expected(first, second), (files, question)
                for kind in kinds:
                    seen[kind] = seen.get(kind, 0) + 1
    assert len(seen) > 1


def _expected(first: str, second: str) -> set[str]:
    shut = ("reject", "none")
    if first in shut or second in shut:
        return set() if first in shut and second in shut else {"gains"} if first in shut else {"loses"}
    return {"keeps"} if first == second else {"method"}


def _judged(
    cluster: Cluster, admin: psycopg.Connection, files: dict[str, str], asked: list
) -> tuple[Snapshot, list[str]]:
    _, snapshot = _loaded(cluster, admin, files)
    answers = []
    for question in asked:
        answer = ask(cluster, question).method
        rule = first_match(snapshot, connection_of(question)).rule
        # a rule for md5 asks for SCRAM where the login has no md5 verifier
        by_md5 = answer == "scram-sha-256" and rule is not None and rule.method == "md5"
        answers.append("md5" if by_md5 else answer)
    return snapshot, answers


def _set_passwords(admin: psycopg.Connection) -> None:
    admin.execute("SET password_encryption = 'scram-sha-256'")
    for (name,) in admin.execute("SELECT rolname FROM pg_roles WHERE rolcanlogin").fetchall():
        admin.execute(
            psycopg.sql.SQL("ALTER ROLE {} PASSWORD 'made-up'").format(psycopg.sql.Identifier(name))
        )


def _loaded(cluster: Cluster, admin: psycopg.Connection, files: dict[str, str]) -> tuple[Texts, Snapshot]:
    folder = cluster.data_directory
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    cluster.reload()
    with admin.transaction():
        snapshot = read_open(admin)
    main = snapshot.setting("hba_file").value
    paths: dict[str, str | None] = {str(_beside(main, name)): text for name, text in files.items()}
    return Texts(main, paths, {}), snapshot


def _beside(main: str, name: str) -> str:
    return main.rpartition("/")[0] + "/" + name


def _gets_in(cluster: Cluster, user: str, dbname: str = "postgres") -> bool:
    try:
        psycopg.connect(cluster.dsn(user=user, dbname=dbname)).close()
    except psycopg.OperationalError:
        return False
    return True


def _content(rule: HbaRule) -> tuple[object, ...]:
    return rule.type, rule.databases, rule.users, written_address(rule), rule.method


def _random_edits(
    numbers: random.Random, snapshot: Snapshot, texts: Texts
) -> tuple[list[Edit], list[tuple[object, ...]]]:
    """Edits of random rules, and what the rules ought to be then."""
    edits: list[Edit] = []
    meant: list[tuple[object, ...]] = []
    dead = {one.line for one in dead_letters(snapshot)}
    for rule in snapshot.hba_rules:
        if rule.error:
            continue
        file = rule.file or texts.main
        content = list(_content(rule))
        new: tuple[object, ...] = ("local", ("d1",), ("with space",), "", "reject")
        choice = numbers.choice(("", "", "method", "address", "user", "before", "after", "out"))
        if rule.users == ("postgres",) or rule.line in dead:
            choice = ""
        if choice == "method":
            edits.append(Replace(file, rule.line, "method", "scram-sha-256"))
            content[4] = "scram-sha-256"
        elif choice == "address" and rule.type != "local":
            edits.append(Replace(file, rule.line, "address", "10.1.0.0/16"))
            content[3] = "10.1.0.0/16"
        elif choice == "user":
            word = ",".join(written_name(one, snapshot.major) for one in ("u1", "with space"))
            edits.append(Replace(file, rule.line, "user", word))
            content[2] = ("u1", "with space")
        elif choice in ("before", "after"):
            after = choice == "after"
            edits.append(Insert(file, rule.line, 'local d1 "with space" reject', after=after))
            meant += [tuple(content), new] if after else [new, tuple(content)]
            continue
        elif choice == "out":
            edits.append(CommentOut(file, rule.line))
            continue
        meant.append(tuple(content))
    return edits, meant


def _assert_rest_kept(text: str, edits: list[Edit], major: int) -> None:
    edited = apply_edits(text, edits, major)
    old, new = physical(text), physical(edited.text)
    assert len(new) == len(edited.origins)
    touched = {one.line for one in edits}
    kept = [(origin, line) for origin, line in zip(edited.origins, new, strict=True) if origin]
    assert [origin for origin, _ in kept] == sorted(origin for origin, _ in kept)
    rest = dict(kept)
    for number, line in enumerate(old, 1):
        # a continued line is edited as a whole
        if not any(number >= one and _in_line(text, one, number, major) for one in touched):
            assert rest[number] in (line, line + "\n"), (number, line)


def _in_line(text: str, start: int, number: int, major: int) -> bool:
    some = physical(text)
    return start == number or (
        major >= 14 and all(one.rstrip("\r\n").endswith("\\") for one in some[start - 1 : number - 1])
    )


@pytest.mark.parametrize(
    "text",
    [
        'hostssl all all all ldap ldapserver=x ldapbasedn=y "ldapbindpasswd=s3cret w0rd"\n',
        "hostssl all all all ldap ldapserver=x ldapbasedn=y ldapbindpasswd=\\\n  s3cret\n",
        "hostssl all all all ldap ldapserver=x ldapbasedn=y ldapbind\\\npasswd=s3cret\n",
        "# hostssl all all all ldap ldapserver=x ldapbasedn=y LdapBindPasswd=s3cret # w0rd\n",
    ],
)
def test_no_diff_shows_a_password(text: str) -> None:
    changed = Changed("/pg_hba.conf", text + "local all all trust\n", text + "local all all peer\n", ())
    shown = diff(changed, 16)
    assert "s3cret" not in shown
    assert "w0rd" not in shown
    assert "***" in shown
