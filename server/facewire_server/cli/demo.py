"""`facewire-server demo`: starts a server and sends one photo to it over gRPC."""

from pathlib import Path

import click

from facewire_client import FaceClient, FaceClientError
from facewire_client.cli.table import faces_table
from facewire_client.draw import annotate
from facewire_server.config import Config
from facewire_server.errors import CommandError
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import DATA

PHOTO = DATA / "astronaut.jpg"


@click.command(context_settings={"show_default": True})
@click.argument(
    "image",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=PHOTO,
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="The folder for the annotated picture.",
)
def demo(image: Path, output: Path) -> None:
    """Find the faces in IMAGE, or in the photo that comes with facewire.

    Starts a server with the embedded model on a free port, asks it over gRPC,
    prints what it found, writes the annotated picture, and stops the server.
    """
    output.mkdir(parents=True, exist_ok=True)
    picture = output / f"{image.stem}-faces.jpg"
    try:
        _detect(image, picture)
    except FaceClientError as error:
        raise CommandError(str(error)) from error
    click.echo(f"wrote {picture}")


def _detect(image: Path, picture: Path) -> None:
    """Print what a server finds in an image, and draw it into a picture."""
    with (
        BackgroundServer(Config(port=0, metrics_port=None)) as server,
        FaceClient(server.target) as client,
    ):
        click.echo(f"a server with {client.models()[0].name} is on {server.target}")
        result = client.detect(image)
    click.echo(faces_table([(image.name, result)]))
    annotate(image, result, picture)
