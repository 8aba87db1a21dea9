"""A new index key for a table in which each person has a key, and who is erased before and meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.encryption.persons import persons
from tests.encryption.reindexed import UP, new_index_key, reindexing

if TYPE_CHECKING:
    from pgguard.demo.cluster import Cluster
    from pgguard.model.encryption import Form


@pytest.mark.parametrize("form", ["view", "in-place"])
def test_indexes_of_erased_persons_stay_empty(running: Cluster, form: Form) -> None:
    lab = persons(running, f"moved_{form[:2]}", form=form)
    lab.erase(3)
    new_index_key(running, lab.database)
    files = reindexing(running, lab.database)
    phases = [one for one in UP if files.of(one)]
    after = phases.index("index-backfill") + 1
    files.up(*phases[:after])
    lab.erase(4)
    empty = f"SELECT id FROM {lab.stored('patient')} WHERE {{}} IS NULL ORDER BY id"
    for name in ("nir_find", "nir_find2"):
        assert lab.ask(empty.format(name)) == [(3,), (4,)]
    files.up(*phases[after:])
    find = "SELECT id FROM pgguard.find__lab__patient__nir(%s)"
    assert [lab.ask(find, f"N{one}") for one in (3, 4, 5)] == [[], [], [(5,)]]
    assert lab.ask(empty.format("nir_find")) == [(3,), (4,)]
    assert lab.shows() == lab.expected(3, 4)
