-- The form of the history; a newer one is not ours to touch.
SELECT max(version) FROM version
