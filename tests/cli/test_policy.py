"""`pgguard policy` as a user types it: drafts decide nothing, each mistake is named, what counts is shown."""

from __future__ import annotations

import datetime
import json
import os
import re
import stat
import tomllib
from typing import TYPE_CHECKING

import jsonschema
import psycopg
import pytest

from pgguard.demo.cluster import Cluster
from pgguard.demo.lab import Laboratory
from pgguard.model.policy import Policy
from pgguard.observe.store import ObservationStore
from pgguard.report.judge import judge
from pgguard.server.read import read_snapshot
from pgguard.store.policy_file import load
from tests.checks.observing import observations

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pgguard.demo.binaries import Postgres

    Run = Callable[..., subprocess.CompletedProcess[str]]

MAJOR = int(os.environ["PGGUARD_TEST_MAJOR"]) if "PGGUARD_TEST_MAJOR" in os.environ else None
HBA = """\
local all all trust
host replication standby 10.9.9.4/32 scram-sha-256
host lab lis_app 10.20.1.0/28 scram-sha-256
host all all 10.20.0.0/16 scram-sha-256
host all all 203.0.113.0/24 scram-sha-256
host all all 10.66.0.0/16 reject
host all all 0.0.0.0/0 scram-sha-256
"""
# a proposal: a line with # and no space
_PROPOSAL = re.compile(r"^(\s*)#(?=[^\s:#])", re.MULTILINE)


@pytest.fixture(scope="module")
def hospital(postgres: Postgres) -> Iterator[Cluster]:
    with Cluster.start(postgres, hba=HBA) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE lab")
            connection.execute(
                "CREATE ROLE dba_martin LOGIN SUPERUSER; CREATE ROLE maker CREATEROLE;"
                "CREATE ROLE e_roux LOGIN;"
                "GRANT maker TO e_roux; CREATE ROLE standby LOGIN REPLICATION; CREATE ROLE lis_app LOGIN;"
                'CREATE ROLE "c.martin" LOGIN; CREATE ROLE labo LOGIN; CREATE ROLE nobody NOLOGIN;'
                "CREATE ROLE looker LOGIN; GRANT pg_monitor TO looker;"
                'CREATE ROLE "x\n[[waiver]]\u202e" LOGIN'
            )
        with psycopg.connect(cluster.dsn(dbname="lab"), autocommit=True) as connection:
            connection.execute(
                "CREATE SCHEMA lab;"
                "CREATE TABLE lab.patient (patient_id bigint, nom text, nir char(15), vu date);"
                'CREATE TABLE lab."Demande" (id bigint, "Reçue" date);'
                "CREATE PUBLICATION partenaire FOR TABLE lab.patient"
            )
        yield cluster


def where(cluster: Cluster, user: str = "postgres") -> list[str]:
    return ["-h", str(cluster.socket_dir), "-p", str(cluster.port), "-U", user, "-d", "lab"]


def test_a_draft_tells_what_is_there_and_leaves_to_a_person_what_is_a_decision(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    seen = observations(30, ["20 lis_app 8-17 10.20.1.4 lis", "20 c.martin 8-17 172.16.5.9 psql"])
    with ObservationStore(tmp_path / "store.sqlite") as store:
        store.add(seen.sessions)
        store.add_coverage(seen.coverage[0])
    done = pgguard("policy", "init", *where(hospital), "--observations", "store.sqlite")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    file = tmp_path / "pgguard.toml"
    text = file.read_text("utf-8")
    assert text.startswith("#:schema ./pgguard.schema.json\n")
    assert text.isascii()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    # of itself it declares private networks, and nothing that could excuse anything
    declared = load(file).policy
    assert declared.networks.internal == ("10.20.0.0/16", "172.16.5.0/24")
    assert tomllib.loads(text) == {
        "networks": {"internal": list(declared.networks.internal)},
        "administrators": {},
    }
    assert pgguard("policy", "check", "pgguard.toml", *where(hospital)).returncode == 0
    # once a person has decided all of it, it is what was seen
    decided = tomllib.loads(_PROPOSAL.sub(r"\1", text))
    assert decided["networks"] == {
        "internal": ["10.20.0.0/16", "172.16.5.0/24", "203.0.113.0/24"],
        "standbys": ["10.9.9.4/32"],
    }
    assert decided["administrators"]["roles"] == ["dba_martin", "e_roux", "postgres"]
    services = {one["role"]: one for one in decided["service"]}
    assert set(services) == {"lis_app", "standby"}
    assert services["lis_app"]["origins"] == ["10.20.1.4/32"]
    assert services["lis_app"]["applications"] == ["lis"]
    assert {one["role"] for one in decided["person"]} == {"c.martin", "looker", "x\n[[waiver]]\u202e"}
    assert '# "labo": no session was seen' in text


def test_what_is_uncommented_is_wrong_only_where_it_is_still_to_be_filled_in(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    text = pgguard("policy", "init", *where(hospital), "-o", "-").stdout
    uncommented = _PROPOSAL.sub(r"\1", text)
    open_lines = [n for n, line in enumerate(uncommented.splitlines(), 1) if line.endswith('= "?"')]
    (tmp_path / "pgguard.toml").write_text(uncommented, "utf-8")
    done = pgguard("policy", "check", "pgguard.toml", *where(hospital))
    assert done.returncode == 2
    head, *said = done.stderr.splitlines()
    assert head == f"pgguard: {len(open_lines)} mistakes in the policy"
    assert [int(one.split(":")[1]) for one in said] == open_lines
    filled = uncommented
    for number in range(len(open_lines)):
        filled = filled.replace('"?"', f'"Somebody {number}"', 1)
    (tmp_path / "pgguard.toml").write_text(filled, "utf-8")
    done = pgguard("policy", "check", "pgguard.toml", *where(hospital))
    assert (done.returncode, done.stdout) == (0, "pgguard.toml: no mistake\n")


def test_a_draft_is_the_same_twice_and_never_written_over_what_is_there(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    first = pgguard("policy", "init", *where(hospital), "--columns")
    file = tmp_path / "pgguard.toml"
    text = file.read_bytes()
    assert first.returncode == 0
    assert '"lab.patient.nir"' in text.decode()
    file.write_text("mine")
    for again in (["policy", "init"], ["policy", "init", *where(hospital), "--columns"]):
        refused = pgguard(*again)
        assert (refused.returncode, file.read_text()) == (2, "mine")
        assert "--force" in refused.stderr
    assert pgguard("policy", "init", *where(hospital), "--columns", "--force").returncode == 0
    assert file.read_bytes() == text
    pgguard("snapshot", *where(hospital), "-o", "s.jsonl")
    saved = pgguard("policy", "init", "--from", "s.jsonl", "--columns", "-o", "-")
    assert saved.stdout.encode() == text


def test_what_could_not_be_read_is_said_in_the_draft(pgguard: Run, hospital: Cluster) -> None:
    done = pgguard("policy", "init", *where(hospital, "looker"), "-o", "-")
    assert done.returncode == 3
    assert "# hba_rules: " in done.stdout
    assert tomllib.loads(done.stdout)["networks"] == {"internal": []}
    allowed = pgguard("policy", "init", *where(hospital, "looker"), "-o", "-", "--allow-unknown")
    assert (allowed.returncode, allowed.stdout) == (0, done.stdout)


@pytest.mark.parametrize("columns", [[], ["--columns"]])
def test_a_draft_makes_no_finding_silent(pgguard: Run, tmp_path: Path, columns: list[str]) -> None:
    with Laboratory.open(major=MAJOR) as laboratory:
        snapshot = read_snapshot(laboratory.target)
        server = where(laboratory.cluster)
        assert pgguard("policy", "init", *server, *columns).returncode == 0
    today = datetime.date.fromisoformat(snapshot.server.now[:10])
    found = [
        {
            (outcome.check, judged.finding.subject)
            for outcome in judge(snapshot, policy, today=today).outcomes
            for judged in outcome.findings
            if judged.waived is None
        }
        for policy in (Policy(), load(tmp_path / "pgguard.toml").policy)
    ]
    assert found[0] - found[1] == set()


NAMES = """\
[administrators]
roles = ["dba_martin", "dba_martn"]    # ! there is no role dba_martn; did you mean dba_martin?

[allow]
delegating_roles = ["nobody", "nobodi"]  # ! there is no role nobodi; did you mean nobody?

[audit]
cover = ["lab", "labb"]                # ! there is no schema labb; did you mean lab?

[tenancy]
columns = ["nom", "site"]              # ! no table has a column site

[[service]]
role = "lis_ap"                        # ! there is no role lis_ap; did you mean lis_app?
owner = "Lab IT"
purpose = "laboratory application"

[[person]]
name = "Claire Martin"
role = "C.Martin"                      # ! there is no role "C.Martin"; did you mean c.martin?
replaces = "laboo"                     # ! there is no role laboo; did you mean labo?

[[person]]
name = "Who has left"
role = "gone"
until = 2020-01-31

[[column]]
name = "lab.patient.nirr"              # ! lab.patient has no column nirr; did you mean nir?
category = "national_id"

[[column]]
name = "lab.Demande.id"                # ! there is no table lab.Demande; did you mean lab."Demande"?
category = "none"

[[column]]
name = 'lab."Demande"."Reçue"'
category = "none"
database = "lab"

[[encrypt]]
column = "lab.patient.nir"
readers = ["public", "labo", "biologist"]  # ! there is no role biologist

[[audit_table]]
table = "lab.patient"
subject = "patient"                    # ! lab.patient has no column patient; did you mean patient_id?

[[audit_table]]
table = "lab.patients"                 # ! there is no table lab.patients; did you mean lab.patient?
database = "lab"

[[retention]]
table = 'lab."Demande"'
months = 12
age_column = "Reçue"

# that it is not there is told of databases that are
[[staging]]
table = "lab.copy"
reason = "migration"
until = 2027-06-30
database = "lba"                       # ! there is no database lba; did you mean lab?

[[publication]]
name = "partenair"                     # ! there is no publication partenair; did you mean partenaire?
recipient = "registry"

[[activity]]
name = "analyses"
purpose = "analyses"
databases = ["lab", "labs"]            # ! there is no database labs; did you mean lab?

[[setting]]
name = "work_mem"
reason = "statistics"
role = "stats"                         # ! there is no role stats
wrong = 1                              # ! unknown key
"""


def test_names_that_the_cluster_does_not_have_are_told_with_the_other_mistakes(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    expected = [
        (number, match[1])
        for number, line in enumerate(NAMES.splitlines(), 1)
        if (match := re.search("# ! (.*)", line))
    ]
    (tmp_path / "p.toml").write_text(NAMES, "utf-8")
    pgguard("snapshot", *where(hospital), "-o", "s.jsonl")
    for source in (where(hospital), ["--from", "s.jsonl"]):
        done = pgguard("policy", "check", "p.toml", *source)
        assert (done.returncode, done.stdout) == (2, "")
        said = done.stderr.splitlines()[1:]
        assert [int(one.split(":")[1]) for one in said] == [number for number, _ in expected]
        for one, (_, wanted) in zip(said, expected, strict=True):
            assert wanted in one
    alone = pgguard("policy", "check", "p.toml")
    assert [one.split(": ", 1)[1] for one in alone.stderr.splitlines()[1:]] == [
        "setting.wrong: unknown key; known are name, reason, role, database"
    ]


def test_what_could_not_be_looked_up_is_no_all_clear_and_no_mistake(
    pgguard: Run, hospital: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "pgguard.toml").write_text(
        '[[staging]]\ntable = "lab.copy"\nreason = "r"\nuntil = 2027-01-01\n'
    )
    # in a database that was not looked at it may be
    done = pgguard("policy", "check", "pgguard.toml", *where(hospital), "--database", "lab")
    assert done.returncode == 3
    assert done.stdout == "pgguard.toml: no mistake, as far as it could be looked up\n"
    assert done.stderr == "not looked up: database postgres: it was not inspected\n"
    allowed = pgguard(
        "policy", "check", "pgguard.toml", *where(hospital), "--database", "lab", "--allow-unknown"
    )
    assert allowed.returncode == 0
    assert pgguard("policy", "check", "pgguard.toml", *where(hospital)).returncode == 2


def test_where_there_is_no_policy_the_way_to_one_is_told(pgguard: Run) -> None:
    done = pgguard("policy", "check")
    assert (done.returncode, done.stdout) == (2, "")
    assert "pgguard policy init" in done.stderr
    assert "no such policy file" in pgguard("policy", "check", "none.toml").stderr


def test_the_policy_in_force_is_shown_with_and_without_the_defaults(pgguard: Run, tmp_path: Path) -> None:
    nothing = pgguard("policy", "show")
    assert (nothing.returncode, tomllib.loads(nothing.stdout)) == (0, {})
    (tmp_path / "pgguard.toml").write_text(
        "[thresholds]\ndormant_days = 30\n[[person]]\nname = 'A'\nrole = 'a'\nuntil = 2027-06-30\n"
    )
    shown = tomllib.loads(pgguard("policy", "show").stdout)
    assert shown["thresholds"] == {"dormant_days": 30}
    assert set(shown) == {"thresholds", "person"}
    effective = pgguard("policy", "show", "--effective")
    assert (tmp_path / "e.toml").write_text(effective.stdout)
    assert load(tmp_path / "e.toml").policy == load(tmp_path / "pgguard.toml").policy
    whole = tomllib.loads(effective.stdout)
    assert whole["thresholds"]["sensitive_readers"] == Policy().thresholds.sensitive_readers
    document = json.loads(pgguard("policy", "show", "--effective", "--format", "json").stdout)
    assert document["file"] == str(tmp_path / "pgguard.toml")
    assert document["sha256"] == load(tmp_path / "pgguard.toml").sha256
    assert document["policy"]["person"][0]["until"] == "2027-06-30"
    assert document["policy"]["waiver"] == []
    (tmp_path / "pgguard.toml").write_text("[thresholds]\ndormant = 1\n")
    assert pgguard("policy", "show").returncode == 2


def test_the_schema_for_editors_is_printed(pgguard: Run, tmp_path: Path) -> None:
    assert pgguard("policy", "schema", "-o", "pgguard.schema.json").returncode == 0
    schema = json.loads((tmp_path / "pgguard.schema.json").read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "waiver" in schema["properties"]
