"""The log on standard error: text for people, or one JSON object a line for machines.

Rule: nothing that a caller sends can end a line or pass for a field. Fields are what
a call of a logger gives as `extra`; no image, token or certificate is ever one.

Rule: the name of a logger is an interface, since operators filter by it. Each module
gives its own as a literal, and it stays when the module moves or is renamed.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from facewire_server.telemetry.log_handler import QueuedHandler

NO_FIELDS = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
"""Attributes of every record; the others were given as `extra`."""

LIBRARIES_OF_MIRRORS = {
    *("adlfs", "aiobotocore", "azure", "botocore", "gcsfs", "google", "httpcore", "httpx"),
    *("msal", "s3fs", "urllib3"),
}
"""Packages that log addresses and headers below a warning, with passwords and signatures."""


def set_up(level: str, form: str, fields: Mapping[str, object]) -> None:
    """Write records of `level` and above to standard error, as text or as JSON.

    `fields` are added to every record.
    """

    def add_fields(record: logging.LogRecord) -> bool:
        vars(record).update(fields)
        return True

    handler = QueuedHandler()
    handler.addFilter(lambda record: not _is_caused_by_callers(record))
    handler.addFilter(lambda record: not _may_show_secrets(record))
    handler.addFilter(add_fields)
    if level != "debug":
        handler.addFilter(_drop_opentelemetry_traceback)
    handler.setFormatter(json_formatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.captureWarnings(True)


def on_dropped(observer: Callable[[int], None]) -> None:
    """Call `observer` with the number of lines that this process drops from its log."""
    for handler in _handlers():
        handler.on_dropped(observer)


def say(line: str) -> None:
    """Write a line as it is, after everything logged before.

    Returns when it is written, or after FLUSH_SECONDS of log_handler.
    """
    handler = next(_handlers(), None) or QueuedHandler()
    handler.say(line)
    handler.flush()


def flush() -> None:
    """Wait until everything that this process has logged is written; see `say`."""
    for handler in _handlers():
        handler.flush()


def _handlers() -> Iterator[QueuedHandler]:
    """The handler of this process; none before `set_up`."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, QueuedHandler):
            yield handler


def _is_caused_by_callers(record: logging.LogRecord) -> bool:
    """Whether it is one of two errors that any caller can have gRPC log.

    "Invalid encoding": a header is not UTF-8. gRPC shows the header, which may be a
    token, and then reads it as Latin-1; the code that uses it reports what is wrong.
    "ExecuteBatchError": a connection broke while an answer was being sent. gRPC adds a
    traceback.
    """
    is_grpc = record.name == "grpc._cython.cygrpc"
    return is_grpc and str(record.msg).startswith(
        ("Invalid encoding", "ExecuteBatchError raised in core")
    )


def _may_show_secrets(record: logging.LogRecord) -> bool:
    package = record.name.partition(".")[0]
    return record.levelno < logging.WARNING and package in LIBRARIES_OF_MIRRORS


def _drop_opentelemetry_traceback(record: logging.LogRecord) -> bool:
    """Keep OpenTelemetry's messages about variables that it cannot read, in one line each."""
    if record.name.startswith("opentelemetry."):
        record.exc_info = None
    return True


def json_formatter() -> logging.Formatter:
    """Make a formatter of JSON: time (RFC 3339, UTC), level, logger, message, the fields.

    Each record is one line; its traceback is one string in the field `trace`.
    """
    # Imported here: a server that logs text starts faster without it.
    from pythonjsonlogger.json import JsonFormatter

    names = {"levelname": "level", "name": "logger", "exc_info": "trace"}
    return JsonFormatter(
        ("time", "levelname", "name", "message"), timestamp="time", rename_fields=names
    )


class TextFormatter(logging.Formatter):
    """Text: `TIME LEVEL LOGGER: MESSAGE key=value ...`; lines of a traceback are indented."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """Format the time of a record: RFC 3339, UTC, in milliseconds."""
        time = datetime.fromtimestamp(record.created, UTC)
        return f"{time.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Format a record without its traceback, as one line."""
        return " ".join((_visible(super().formatMessage(record)), *_fields(record)))

    def formatException(self, ei: Any) -> str:
        """Format a traceback, indented: none of its lines passes for a record's."""
        lines = super().formatException(ei).splitlines()
        return "\n".join(f"  {_visible(line)}" for line in lines)


def _fields(record: logging.LogRecord) -> Iterator[str]:
    for key, value in vars(record).items():
        # Names that begin with _ are of libraries, such as Ray's; JSON leaves them out, too.
        if key not in NO_FIELDS and not key.startswith("_"):
            text = str(value)
            is_plain = text.isprintable() and not set(text) & set(' "=')
            yield f"{key}={text if text and is_plain else json.dumps(text)}"


def _visible(text: str) -> str:
    """Escape what ends a line or controls a terminal."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
