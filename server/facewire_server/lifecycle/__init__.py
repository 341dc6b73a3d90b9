"""The life of one server process: listen, load, serve, reload, drain, stop.

Rule: this room knows rpc and all that is below, and nothing of workers or the command line.
"""
