"""Measuring a server under load: what `facewire bench` does.

Rule: nothing here prints or reads the command line, and nothing needs more than the
client does; `limit` alone asks the server's packages, when it is called.
"""
