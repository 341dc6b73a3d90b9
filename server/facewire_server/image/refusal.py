"""The words with which images are refused that start well and are not decoded."""

from facewire_server.errors import Reason, RequestError


def damaged(kind: str) -> RequestError:
    """The error for data that starts as a `kind` ("PNG") and does not decode."""
    return RequestError(Reason.CORRUPT_IMAGE, f"the {kind} data is damaged or cut off")


def unsupported(kind: str, what: str) -> RequestError:
    """The error for a sound `kind` ("TIFF") that holds `what` ("32-bit samples").

    No library here reads it, or not rightly.
    """
    return RequestError(
        Reason.UNSUPPORTED_FORMAT,
        f"the {kind} data holds {what}, which is not supported",
    )


def excessive(kind: str, what: str) -> RequestError:
    """The error for a `kind` ("JPEG") that holds more of `what` than is let in."""
    return RequestError(
        Reason.CORRUPT_IMAGE, f"the {kind} data holds {what}, which is not supported"
    )
