"""The command line `facewire-server`, the group of its commands.

Rule: nothing else reads flags, the environment or TOML files; they become one Config.
"""

from importlib import import_module

import click

COMMANDS = ("serve", "batch", "demo", "models", "quantize")


class LazyGroup(click.Group):
    """A group that imports a command only when it is used: a server starts sooner."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See click.Group.list_commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See click.Group.get_command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"facewire_server.cli.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="facewire")
def root() -> None:
    """Find faces over gRPC: send a JPEG, get boxes back in its own pixels."""
