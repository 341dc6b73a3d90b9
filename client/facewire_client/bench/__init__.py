"""The measurement of a server under load, for `facewire bench`.

Rule: nothing here prints or reads the command line, and nothing imports the server; `limit` runs
the server's programs as processes.
"""
