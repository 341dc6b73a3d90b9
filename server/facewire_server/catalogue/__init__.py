"""The published models: which there are, how they are fetched, where they are cached.

Rule: only `pull` and the modules it uses (`fetch`, `mirror`, `origin`, `store_origin`) know
HTTP and object stores, and no other module imports them: a server that is running needs none.
"""
