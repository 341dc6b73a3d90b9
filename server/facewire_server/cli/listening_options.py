"""The options of `facewire-server serve` that say where it listens, and to whom."""

from pathlib import Path

import click

from facewire_server.cli.serve_options import group


def _metrics_port(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    if value.lower() == "off":
        return None
    try:
        return int(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither a port nor off") from None


def _socket_mode(context: click.Context, parameter: click.Parameter, value: str | int) -> int:
    # A file of settings may have a number of TOML's: 0o660.
    if isinstance(value, int):
        return value
    try:
        return int(value, 8)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not made of octal digits") from None


listening = group(
    click.option(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS|NAME|unix:PATH",
        help="Where to listen: at an address, at all addresses of a name, or on a Unix"
        " socket, which has no port.",
    ),
    click.option("--port", default=50051, help="The port; 0: a free one."),
    click.option(
        "--socket-mode",
        type=click.UNPROCESSED,
        default="0600",
        callback=_socket_mode,
        metavar="OCTAL",
        help="Who may connect to a Unix socket, as rights of its file.",
    ),
    click.option(
        "--metrics-port",
        default="9090",
        callback=_metrics_port,
        metavar="PORT|off",
        help="The port of /metrics; 0: a free one.",
    ),
    click.option(
        "--tls-cert",
        type=click.Path(path_type=Path),
        show_default="no encryption",
        help="Encrypt, with the certificate chain in this PEM file; read again when it"
        " changes, as the other two.",
    ),
    click.option(
        "--tls-key",
        type=click.Path(path_type=Path),
        help="The key of that certificate, a PEM file.",
    ),
    click.option(
        "--tls-client-ca",
        type=click.Path(path_type=Path),
        show_default="none is asked for",
        help="Let clients in that show a certificate of the authorities in this PEM file.",
    ),
    click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        show_default="none is asked for",
        help="Ask callers for one of the tokens in this file, one a line, as it is or as"
        " sha256:HEX; read again when it changes.",
    ),
)
"""Where the server listens, and how calls are encrypted."""
