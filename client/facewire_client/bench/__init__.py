"""Measuring a server under load: what `facewire bench` does.

Rule: nothing here prints or reads the command line, and nothing imports the server; `limit` runs
the server's programs as processes.
"""
