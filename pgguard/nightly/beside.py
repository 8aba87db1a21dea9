"""What a look is judged with besides the server: observations, documents, folders, past nights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pgguard.observe.observed import observations
from pgguard.store.documents import read_documents
from pgguard.store.folders import look_at_folders

if TYPE_CHECKING:
    from pgguard.model.policy import Policy
    from pgguard.model.snapshot import Snapshot
    from pgguard.model.supervision import Supervision


def with_all(
    snapshot: Snapshot,
    policy: Policy,
    *,
    store: Path | None = None,
    supervision: Supervision | None = None,
    live: bool = True,
) -> Snapshot:
    """The snapshot with all that the policy names; `store` is an observation store in place of the policy's.

    Folders are looked at with a live server only: a saved snapshot is of another day, and may be of another
    machine. Raises `InputError` for an observation store that cannot be used.
    """
    found = observed(snapshot, policy, store).documented(read_documents(policy))
    if live:
        found = found.with_folders(look_at_folders(policy))
    return found if supervision is None else found.supervised(supervision)


def observed(snapshot: Snapshot, policy: Policy, chosen: Path | None) -> Snapshot:
    """The snapshot with what the observation store holds, where one is chosen or the policy names one."""
    if chosen is None and not policy.observation.store:
        return snapshot
    file = chosen or Path(policy.observation.store)
    return snapshot.observed(observations(file, policy, snapshot.server.now))
