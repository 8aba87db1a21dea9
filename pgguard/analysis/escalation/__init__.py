"""How a login that is not superuser becomes one: a graph of what PostgreSQL lets roles do, and its paths.

`graph.py` says what nodes and edges are; `roles.py`, `functions.py` and `objects.py` draw the edges that
memberships and attributes, code that others run, and grants give; `paths.py` finds the cheapest path of
every login; `cut.py` the fewest changes that leave none.

What is not drawn: what takes a bug of PostgreSQL or of an extension; schema public in the default
search_path of superusers (grant-public-schema-create tells of it); what pg_hba.conf refuses.
"""
