"""The log on standard error: text for people, or one JSON object a line for machines.

Rule: nothing that a caller sends can end a line or pass for a field. Fields are what
a call of a logger gives as `extra`; no image, token or certificate is ever one.
"""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from facewire_server.telemetry.log_handler import QueuedHandler

NO_FIELDS = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}
"""What every record has; the rest was given as `extra`."""


def set_up(level: str, form: str, fields: Mapping[str, object]) -> None:
    """Has what is logged from `level` upwards written, as text or as json.

    `fields` are what every record has.
    """

    def add_fields(record: logging.LogRecord) -> bool:
        vars(record).update(fields)
        return True

    handler = QueuedHandler()
    handler.addFilter(lambda record: not _is_of_callers(record))
    handler.addFilter(add_fields)
    if level != "debug":
        handler.addFilter(_without_trace_of_opentelemetry)
    handler.setFormatter(json_formatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.captureWarnings(True)


def on_dropped(observer: Callable[[int], None]) -> None:
    """Has somebody told how many lines this process leaves out of its log."""
    for handler in _handlers():
        handler.on_dropped(observer)


def say(line: str) -> None:
    """Writes a line as it is, behind what was logged before.

    Returns when it is written, or when nobody has read it for some seconds.
    """
    handler = next(_handlers(), None) or QueuedHandler()
    handler.say(line)
    handler.flush()


def flush() -> None:
    """Returns when all that this process has logged is written; see `say`."""
    for handler in _handlers():
        handler.flush()


def _handlers() -> Iterator[QueuedHandler]:
    """What this process logs with, if that is set up."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, QueuedHandler):
            yield handler


def _is_of_callers(record: logging.LogRecord) -> bool:
    """Whether gRPC complains of what any caller can have it complain of.

    Of a header that is no UTF-8, which it then shows, and it may be a token; it is
    read as Latin-1, and whoever uses it says what is wrong with it. And, with a trace,
    of a connection that broke while an answer was on its way.
    """
    is_grpc = record.name == "grpc._cython.cygrpc"
    return is_grpc and str(record.msg).startswith(
        ("Invalid encoding", "ExecuteBatchError raised in core")
    )


def _without_trace_of_opentelemetry(record: logging.LogRecord) -> bool:
    """Leaves the words to what it says of each variable that it cannot read."""
    if record.name.startswith("opentelemetry."):
        record.exc_info = None
    return True


def json_formatter() -> logging.Formatter:
    """One object a line: time (RFC 3339, UTC), level, logger, message, the fields.

    A trace is one string in the field `trace`.
    """
    # Imported here: a server that logs text starts without it.
    from pythonjsonlogger.json import JsonFormatter

    names = {"levelname": "level", "name": "logger", "exc_info": "trace"}
    return JsonFormatter(
        ("time", "levelname", "name", "message"), timestamp="time", rename_fields=names
    )


class TextFormatter(logging.Formatter):
    """`TIME LEVEL LOGGER: MESSAGE key=value ...`; the lines of a trace are indented."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        """RFC 3339, UTC, in milliseconds."""
        time = datetime.fromtimestamp(record.created, UTC)
        return f"{time.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line without a trace."""
        return " ".join((_visible(super().formatMessage(record)), *_fields(record)))

    def formatException(self, ei: Any) -> str:
        """The trace, so that none of its lines can be taken for one of the log's."""
        lines = super().formatException(ei).splitlines()
        return "\n".join(f"  {_visible(line)}" for line in lines)


def _fields(record: logging.LogRecord) -> Iterator[str]:
    for key, value in vars(record).items():
        if key not in NO_FIELDS:
            text = str(value)
            is_plain = text.isprintable() and not set(text) & set(' "=')
            yield f"{key}={text if text and is_plain else json.dumps(text)}"


def _visible(text: str) -> str:
    """The text with everything escaped that a terminal would obey."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
