SELECT k.id, k.key_group, k.purpose, k.state, coalesce(k.epoch, 0), k.created_at, k.destroyed_at
FROM pgguard.key AS k ORDER BY k.key_group, k.purpose, k.created_at, k.id
