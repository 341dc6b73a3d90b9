"""The published models: which there are, how they are fetched, where they are cached.

Rule: only `pull` and the modules it uses (`fetch`, `origin`) know HTTP, and no other
module imports them: a server that is running needs no HTTP client.
"""
