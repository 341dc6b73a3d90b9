"""The life of one server process: listen, load, serve, reload, drain, stop.

Rule: it knows rpc and all that is below; nothing of workers and the command line.
"""
