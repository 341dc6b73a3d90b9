"""The life of one server process: listen, load, serve, reload, drain, stop."""
