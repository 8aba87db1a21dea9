"""Keys under the columns that generated migrations encrypt: counted, drilled, replaced, erased."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from pgguard.server import keys, keys_destroy
from pgguard.server.connect import Target
from pgguard.store.kek_provider import Kek
from tests.conftest import MAJOR
from tests.encryption.encrypting import encrypted
from tests.encryption.phases import KEK

if TYPE_CHECKING:
    from collections.abc import Callable

    from pgguard.demo.cluster import Cluster
    from pgguard.model.encryption import Form

pytestmark = pytest.mark.skipif(MAJOR is not None and MAJOR < 14, reason="encryption is for 14 and later")


@pytest.mark.parametrize(("form", "through"), [("view", "scrub"), ("view", "verify"), ("in-place", "scrub")])
def test_keys_are_replaced_and_erased_beside_open_sessions(
    new_cluster: Callable[..., Cluster], form: Form, through: str
) -> None:
    lab = encrypted(new_cluster(), form=form, through=through)
    target = Target(lab.dsn())
    kek = Kek(KEK)
    first = keys.status(target)
    assert first.strange == {}
    assert not [one.name for one in first.columns if one.counts is None]
    drill = keys.drill(target, kek, say=print)
    assert set(drill.values) == {one.name for one in first.columns}
    assert min(drill.values.values()) > 0
    old = next(one for one in first.keys if (one.group, one.purpose) == ("main", "data"))
    held = first.values_under(old)
    with lab.session("biologist") as reader:
        if through == "scrub":
            assert lab.read(reader) == lab.kept()
        rotation = keys.rotate(target, lambda: kek, "main", "data", at_once=True, say=print)
        assert rotation.used
        if through == "scrub":
            assert lab.read(reader) == lab.kept()
        keys_destroy.destroy(target, [old.id], "", erase=held, say=print)
        if through == "scrub":
            with pytest.raises(psycopg.Error) as caught:
                lab.read(reader)
            assert caught.value.sqlstate == "PGG03"
    after = keys.status(target)
    assert next(one for one in after.keys if one.id == old.id).state == "destroyed"
    assert after.values_under(next(one for one in after.keys if one.id == old.id)) == held
