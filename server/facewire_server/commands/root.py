"""`facewire-server`, the group of its commands."""

import click

from facewire_server.commands.demo import demo
from facewire_server.commands.models import models
from facewire_server.commands.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="facewire")
def root() -> None:
    """Find faces over gRPC: send a JPEG, get boxes back in its own pixels."""


for command in (serve, demo, models):
    root.add_command(command)
