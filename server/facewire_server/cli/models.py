"""`facewire-server models`: lists, describes, fetches and verifies models."""

import json
from pathlib import Path
from typing import Any

import click

from facewire_client.cli.table import align
from facewire_server.catalogue.cache import ModelCache
from facewire_server.catalogue.catalogue import Catalogue, PublishedModel
from facewire_server.cli import model_info
from facewire_server.cli.pull_report import PullReport
from facewire_server.config import PRECISIONS
from facewire_server.errors import ModelError
from facewire_server.inference.network import Network
from facewire_server.models.source import EMBEDDED, Source
from facewire_server.system.cache_folder import default_folder

NOTES = """\
AP in percent on WIDER FACE (validation), GFLOPs and parameters in millions, as their
publisher states them; * is in the cache. Details: facewire-server models info NAME"""

cache_option = click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="FACEWIRE_CACHE",
    default=default_folder,
    show_default="the user's cache folder",
    show_envvar=True,
    help="The folder for fetched models.",
)
precision_option = click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    metavar="|".join(PRECISIONS),
    help="Of the weights in the files.",
    show_default="FP16 where there is one",
)
json_option = click.option("as_json", "--json", is_flag=True, help="Print one JSON document.")


@click.group(context_settings={"show_default": True})
def models() -> None:
    """List, describe, fetch and check models."""


@models.command("list")
@cache_option
@json_option
def list_models(cache: Path, as_json: bool) -> None:
    """List the models that can be served by name."""
    listed = [_listed(entry, ModelCache(cache)) for entry in Catalogue.published()]
    if as_json:
        click.echo(json.dumps(listed))
        return
    heading = ("name", "input", "AP", "GFLOPs", "MParams", "comes in")
    click.echo(align([heading, *map(_row, listed)]))
    click.echo(f"\n{NOTES}")


@models.command()
@click.argument("model", metavar="NAME|PATH")
@click.option("--device", default="CPU", help="Where OpenVINO runs it.")
@precision_option
@cache_option
@json_option
def info(model: str, device: str, precision: str | None, cache: Path, as_json: bool) -> None:
    """Describe a model: how images are prepared, its head, labels, thresholds and cost.

    Settings are shown with their origin: the metadata of the file, its exporter's
    convention, the TOML file beside it (sidecar), the catalogue, or the default.
    """
    source = Source.find(model, precision=precision, cache=cache)
    values = model_info.document(source, device)
    click.echo(json.dumps(values) if as_json else align(model_info.rows(values)))


@models.command()
@click.argument("name")
@precision_option
@click.option(
    "--mirror",
    metavar="URL|DIR",
    envvar="FACEWIRE_MIRROR",
    show_envvar=True,
    help="Fetch from this web server, object store (s3://BUCKET/PREFIX, gs://, az://) or folder"
    " instead of the published addresses; see docs/models.md.",
)
@cache_option
def pull(name: str, precision: str | None, mirror: str | None, cache: Path) -> None:
    """Fetch a model into the cache: all of it, checked, or nothing.

    Goes on where an earlier pull was broken off. Proxies are taken from HTTPS_PROXY,
    HTTP_PROXY and NO_PROXY.
    """
    # Imported late: it imports an HTTP client, which no other command needs.
    from facewire_server.catalogue import pull as pulling

    entry = Catalogue.published().get(name)
    if name == EMBEDDED:
        click.echo(f"{name} comes with facewire: there is nothing to pull")
        return
    chosen = precision or entry.precisions[0]
    with PullReport(f"{name} {chosen}") as report:
        path = pulling.pull(entry, chosen, ModelCache(cache), mirror=mirror, report=report)
    size = sum(file.size for file in entry.files_in(chosen))
    click.echo(f"{name} {chosen}, {size / 1e6:.1f} MB, checked, is in {path.parent}")


@models.command()
@click.argument("model", metavar="NAME|PATH")
@cache_option
def verify(model: str, cache: Path) -> None:
    """Check the files of a model again: each precision that is in the cache.

    A model given by its path, and the embedded one, are read, and their hash shown.
    """
    catalogue = Catalogue.published()
    if model != EMBEDDED and model in catalogue:
        _verify_published(catalogue.get(model), ModelCache(cache))
        return
    source = Source.find(model)
    files = source.read()
    Network(files, source.sidecar.input_size)
    click.echo(f"{source.path} can be read; SHA-256 of its weights {files.sha256}")


def _verify_published(entry: PublishedModel, cache: ModelCache) -> None:
    commands = []
    for precision in cache.present(entry):
        problem = cache.problem(entry, precision)
        if problem:
            commands.append(cache.pull_command(entry, precision))
        click.echo(f"{entry.name} {precision}: {problem or 'as published'}")
    if commands:
        raise ModelError(f"to mend it, type: {' && '.join(commands)}")
    if not cache.present(entry):
        cache.find(entry, None)


def _listed(entry: PublishedModel, cache: ModelCache) -> dict[str, Any]:
    """A published model in values of JSON."""
    return {
        "name": entry.name,
        "input_width": entry.width,
        "input_height": entry.height,
        "labels": entry.labels,
        "ap": entry.ap,
        "ap_of": entry.ap_of or None,
        "gflops": entry.gflops,
        "mparams": entry.mparams,
        "precisions": entry.precisions,
        "cached": cache.complete(entry),
        "embedded": entry.name == EMBEDDED,
        "default": entry.name == EMBEDDED,
    }


def _row(listed: dict[str, Any]) -> tuple[str, ...]:
    precisions = (
        f"{name}{'*' if name in listed['cached'] else ''}" for name in listed["precisions"]
    )
    return (
        listed["name"],
        f"{listed['input_width']}x{listed['input_height']}",
        "-" if listed["ap"] is None else f"{listed['ap']:.2f}",
        f"{listed['gflops']:.3f}",
        f"{listed['mparams']:.3f}",
        "facewire itself; the default" if listed["embedded"] else " ".join(precisions),
    )
