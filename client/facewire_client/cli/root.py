"""The group of the commands of `facewire`."""

import click

from facewire_client.cli.bench import bench
from facewire_client.cli.detect import detect
from facewire_client.cli.evaluate import evaluate
from facewire_client.cli.health import health
from facewire_client.cli.models import models


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="facewire")
def root() -> None:
    """Ask a facewire server for the faces in images."""


for command in (detect, bench, evaluate, models, health):
    root.add_command(command)
