"""`facewire health`: whether the server, a service or a model takes calls."""

import sys

import click

from facewire_client.cli.connection import with_client
from facewire_client.cli.output import show
from facewire_client.client import FaceClient


@click.command()
@click.argument("service", default="")
@click.option("--model", default="", metavar="NAME", help="Ask for this model.")
@with_client
def health(client: FaceClient, service: str, model: str) -> None:
    """Ask whether the server, one SERVICE of it, or a model takes calls.

    Prints SERVING or NOT_SERVING, and exits with 0 or 1.
    """
    try:
        serving = client.health(service, model=model)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    show("SERVING" if serving else "NOT_SERVING")
    sys.exit(0 if serving else 1)
