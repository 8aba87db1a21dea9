"""The server's log holds values of patients whatever is set; what is mined of it holds none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.audit.reading import COLLECTED, FILES, SECRET, Site

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pgguard.demo.binaries import Postgres
    from pgguard.demo.cluster import Cluster

# as quiet as the server can be made
QUIET = {
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_statement": "none",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


def test_terse_is_not_terse_in_csvlog_and_jsonlog(
    new_cluster: Callable[..., Cluster], postgres: Postgres, tmp_path: Path
) -> None:
    forms = [one for one in FILES if one != "jsonlog" or postgres.major >= 15]
    site = Site(new_cluster(settings={**COLLECTED, **QUIET, "log_destination": ", ".join(forms)}))
    site.make()
    site.make("ALTER TABLE care.patient ADD CHECK (room <> 'cellar')")
    site.run("lis", "results", f"UPDATE care.patient SET room = 'cellar' WHERE nir = '{SECRET}7'")
    site.run("lis", "results", f"SELECT nir::date FROM care.patient WHERE nir = '{SECRET}7'")
    site.settled(*map(site.log, forms))
    shown = {
        form
        for form in forms
        if f"Failing row contains (7, {SECRET}7".encode() in site.log(form).read_bytes()
    }
    assert shown == set(forms) - {"stderr"}
    # and a message itself may quote the value, in all of them
    assert all(SECRET.encode() in site.log(form).read_bytes() for form in forms)
    for form in forms:
        store = tmp_path / form
        site.mine(store, site.log(form))
        assert SECRET.encode() not in store.read_bytes()
