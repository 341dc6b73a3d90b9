"""The command `facewire`, one file for each of its commands."""
