SELECT k.epoch, k.state, k.escrow_at, k.drill_at, k.created_at FROM pgguard.kek AS k ORDER BY k.epoch
