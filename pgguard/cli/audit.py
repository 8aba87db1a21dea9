"""`pgguard audit`: keeps the audit store, seals and verifies it, and answers from it."""

from __future__ import annotations

import typer

from pgguard.cli import audit_evidence, audit_feed, audit_ingest, audit_sealing, audit_search, audit_watch

audit = typer.Typer(name="audit", no_args_is_help=True, help="Keep, seal, verify and search the audit store.")


@audit.callback()
def _group() -> None:
    pass


for command in (
    audit_evidence.seal,
    audit_evidence.verify,
    audit_evidence.status,
    audit_evidence.partitions,
    audit_evidence.purge,
    audit_evidence.erase_subject,
    audit_evidence.prove,
    audit_evidence.prove_growth,
    audit_evidence.check_proof,
    audit_evidence.give_up,
    audit_search.search,
    audit_search.export,
    audit_search.report,
    audit_search.index,
    audit_sealing.auditor_key,
    audit_sealing.unseal,
    audit_sealing.shred,
    audit_feed.feed,
    audit_ingest.ingest,
    audit_ingest.reads,
    audit_watch.watch,
):
    audit.command()(command)
