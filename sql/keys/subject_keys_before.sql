-- Waits for those who make a person's secret with one of these keys, and keeps others from it until the end.
SELECT k.id FROM pgguard.key AS k WHERE k.purpose = 'subject' AND k.state = 'retired' FOR UPDATE
