"""`facewire models`: the models that the server has loaded."""

import dataclasses

import click

from facewire_client.cli.connection import with_client
from facewire_client.cli.output import show, show_document
from facewire_client.cli.table import models_table
from facewire_client.client import FaceClient


@click.command()
@with_client
@click.option("as_json", "--json", is_flag=True, help="Print one JSON document.")
def models(client: FaceClient, as_json: bool) -> None:
    """List the models that the server has loaded, the default one first."""
    loaded = client.models()
    if as_json:
        show_document([dataclasses.asdict(model) for model in loaded])
    else:
        show(models_table(loaded))
