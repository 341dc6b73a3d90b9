"""The command `facewire`: one module for each of its commands, and what they share."""
