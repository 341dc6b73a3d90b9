"""The options that say where the server is, the same for every command."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from facewire_client.client import FaceClient

Command = TypeVar("Command", bound=Callable[..., Any])

_PEM = click.Path(exists=True, dir_okay=False, path_type=Path)

_OPTIONS = (
    click.option(
        "--server",
        default="127.0.0.1:50051",
        envvar="FACEWIRE_SERVER",
        metavar="HOST:PORT",
        show_default=True,
        show_envvar=True,
        help="Where the server is; [IPV6]:PORT and unix:PATH do as well.",
    ),
    click.option(
        "--timeout",
        default=30.0,
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        show_default=True,
        help="How long an image, or any other call, may take.",
    ),
    click.option(
        "--token-file",
        type=_PEM,
        envvar="FACEWIRE_TOKEN_FILE",
        show_envvar=True,
        help="A file that holds the token to show.",
    ),
    click.option("--tls", is_flag=True, help="Encrypt; trust gRPC's own authorities."),
    click.option(
        "--root-certificates",
        type=_PEM,
        help="Encrypt; trust the authorities in this PEM file.",
    ),
    click.option(
        "--certificate-chain",
        type=_PEM,
        help="The client's certificate, for mutual TLS.",
    ),
    click.option("--private-key", type=_PEM, help="The key of that certificate."),
)


def with_client(function: Callable[..., None]) -> Callable[..., None]:
    """Gives a command the options above, and as first argument the client they make."""

    @wraps(function)
    def command(server: str, token_file: Path | None, **settings: Any) -> None:
        connection = {
            name: settings.pop(name)
            for name in (
                *("timeout", "tls", "root_certificates"),
                *("certificate_chain", "private_key"),
            )
        }
        token = _token(token_file) if token_file else None
        try:
            client = FaceClient(server, token=token, **connection)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        with client:
            function(client, **settings)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _token(path: Path) -> str:
    # What is not ASCII comes out as what the client refuses.
    return path.read_text("ascii", errors="replace").strip()
