"""The options of `facewire-server serve` that bound what peers may take of it."""

import click

from facewire_server.cli.serve_options import group
from facewire_server.limits import Limits

DEFAULT = Limits()

limits = group(
    click.option(
        "--max-connections",
        default=DEFAULT.max_connections,
        help="How many connections each worker holds; more are hung up on.",
    ),
    click.option(
        "--max-streams",
        default=DEFAULT.max_streams,
        help="How many calls one connection may have open; gRPC's clients keep more"
        " back until there is room.",
    ),
    click.option(
        "--max-calls",
        default=DEFAULT.max_calls,
        help="How many calls each worker has open, streams included; more are refused.",
    ),
    click.option(
        "--max-watches",
        default=DEFAULT.max_watches,
        help="How many watches of health each worker has open beside its calls; beyond"
        " that the connection with most of them gives one up.",
    ),
    click.option(
        "--max-metadata-kb",
        default=DEFAULT.max_metadata_kb,
        help="The largest metadata of a call, in KiB.",
    ),
    click.option(
        "--handshake-seconds",
        default=DEFAULT.handshake_seconds,
        help="For a new connection to say something that makes sense.",
    ),
    click.option(
        "--message-seconds",
        default=DEFAULT.message_seconds,
        help="For the message of a call to arrive.",
    ),
    click.option(
        "--stream-idle-seconds",
        default=DEFAULT.stream_idle_seconds,
        help="A stream on which a client sends nothing, or takes no answer, for so"
        " long is ended; 0: never.",
    ),
    click.option(
        "--watch-idle-seconds",
        default=DEFAULT.watch_idle_seconds,
        help="A watch of health that had nothing to tell for so long is ended; 0: never.",
    ),
    click.option(
        "--connection-idle-seconds",
        default=DEFAULT.connection_idle_seconds,
        help="A connection without a call for so long is closed; 0: never.",
    ),
    click.option(
        "--connection-age-seconds",
        default=DEFAULT.connection_age_seconds,
        help="A connection of this age takes no more calls, and is closed after its"
        " last one; clients open another by themselves. 0: never.",
    ),
    click.option(
        "--connection-grace-seconds",
        default=DEFAULT.connection_grace_seconds,
        help="For those last calls; what runs after it is cut off. 0: no limit.",
    ),
    click.option(
        "--keepalive-seconds",
        default=DEFAULT.keepalive_seconds,
        help="After so long without a word a peer is asked whether it is there, and"
        " has 20 seconds to answer; 0: never.",
    ),
)
"""What connections and calls may take."""
