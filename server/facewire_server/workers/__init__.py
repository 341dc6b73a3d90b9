"""Several processes that serve on one port, with one `/metrics`, and their supervisor.

Rule: it knows lifecycle, where each process is a server, and nothing of `rpc`.
"""
