"""The command line: the only reader of flags, the environment and TOML files."""
