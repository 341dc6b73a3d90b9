"""`facewire health`: whether the server can take calls."""

import sys

import click

from facewire_client.cli.connection import with_client
from facewire_client.client import FaceClient


@click.command()
@click.argument("service", default="")
@with_client
def health(client: FaceClient, service: str) -> None:
    """Ask whether the server, or one SERVICE of it, takes calls.

    Prints SERVING or NOT_SERVING, and exits with 0 or 1.
    """
    serving = client.health(service)
    click.echo("SERVING" if serving else "NOT_SERVING")
    sys.exit(0 if serving else 1)
