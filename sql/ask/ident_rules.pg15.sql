-- From 15 on the server either shows the maps or refuses.
SELECT true AS readable, '' AS reason;
