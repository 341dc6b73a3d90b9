"""Several processes that serve on one port, with one `/metrics`, and their supervisor.

Rule: this room knows lifecycle, which makes each worker a server, and nothing of `rpc`.
"""
