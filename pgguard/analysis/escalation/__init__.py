"""How a login that is not superuser becomes one: a graph of what PostgreSQL lets roles do, and its paths.

`graph.py` says what nodes and edges are. `roles.py` draws the edges of memberships and attributes,
`functions.py` (with `loose.py` and `role_makers.py`) those of SECURITY DEFINER functions, `touched.py`
those of code that others run, `objects.py` and `loopback.py` those of single grants. `paths.py` finds
the cheapest path of every login, `cut.py` (with `hitting.py`) the fewest changes that leave none,
`answer.py` puts it together for `pgguard escalations`.

What is not drawn: what takes a bug of PostgreSQL or of an extension; schema public in the default
search_path of superusers (grant-public-schema-create tells of it); functions behind operators, casts
and types; foreign servers that lead back here; verifiers that are guessed or replayed once they are
read; what pg_hba.conf refuses.
"""
