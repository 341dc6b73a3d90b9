"""The options of every command that choose the server and the connection to it."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from facewire_client.client import FaceClient
from facewire_client.connection import Connection

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

_PASSED = ("timeout", "tls", "root_certificates", "certificate_chain", "private_key")
"""Options that are arguments of a client."""


def with_connection(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options above; its first arguments are a client and its Connection."""

    @wraps(function)
    def command(server: str, token_file: Path | None, **settings: Any) -> None:
        options = {name: settings.pop(name) for name in _PASSED}
        options["token"] = _token(token_file) if token_file else None
        try:
            connection = Connection(server, **options)
            client = FaceClient(server, **options)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        with client:
            function(client, connection, **settings)

    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def with_client(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options above; its first argument is a client."""

    @wraps(function)
    def command(client: FaceClient, _: Connection, **settings: Any) -> None:
        function(client, **settings)

    return with_connection(command)


def _token(path: Path) -> str:
    # A character that is not ASCII becomes U+FFFD, which the client refuses.
    return path.read_text("ascii", errors="replace").strip()
