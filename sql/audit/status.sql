SELECT s.now, s.seals, s.sealed_at, coalesce(s.sealed_entries, 0)::bigint, s.unsealed, s.unsealed_since, s.holder_pid, s.holder_since,
    s.holder_kind, s.covered_until, s.in_rest, s.verified_at, s.verified_last, s.verified_ok, s.verified_said, s.moved
FROM pgguard_audit.status() AS s
