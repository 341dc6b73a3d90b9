"""The command `facewire-server`, one file for each of its commands."""
