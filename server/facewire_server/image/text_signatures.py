"""Describe text that was sent in place of an image, for the message that refuses it."""

import base64
import binascii
import codecs
import re

# Images inside base64 and hexadecimal text, by their first decoded bytes.
_IMAGES: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG", "a PNG image"),
    (b"RIFF", "a WebP image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
)
_MARKUP: tuple[tuple[bytes, str], ...] = (
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<head", "an HTML page"),
    (b"<body", "an HTML page"),
    (b"<?xml", "an XML document"),
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/_\-\s]{16,}={0,2}\s*\Z")
_LONG_WORD = re.compile(rb"(?=\S*[0-9+/])(?=\S*[A-Z])[A-Za-z0-9+/_\-]{60,}={0,2}(?:\s|\Z)")
_HEX = re.compile(rb"(?:0x)?((?:[0-9A-Fa-f]{2}[\s:,]*){8,})")
_LITERAL = re.compile(rb"b?[\"']\\x(?:ff\\xd8|89PNG)", re.IGNORECASE)
_URL = re.compile(rb"[A-Za-z][A-Za-z0-9+.\-]{1,15}://\S+\Z")
_PATH = re.compile(
    rb"(?:~?/|\.{1,2}/|[A-Za-z]:[\\/]|\\\\)[^\r\n]*\Z"
    rb"|[^\r\n]{1,255}\.(?:jpe?g|png|webp|bmp|tiff?|gif|hei[cf]|avif)\Z",
    re.IGNORECASE,
)
_SPACE = b" \t\n\r\f\v"  # what \s matches
_PRINTED = bytes(range(32, 127)) + b"\t\r\n\f"


def describe_text(head: bytes) -> str | None:
    """Say what kind of text the first bytes seem to be; None when they are not text."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "UTF-16 text"
    if _is_wide(head):
        return "UTF-16 text"
    text = head.removeprefix(b"\xef\xbb\xbf").strip()
    if not text or not _is_printed(text):
        return _wrapped(text)
    description = _wrapped(text) or _markup(text) or _encoded(text) or _location(text)
    if description is None and _LONG_WORD.match(text):
        return "base64 text: send the bytes that it stands for"
    return description or "text"


def _is_wide(head: bytes) -> bool:
    """Whether every second byte is 0, in at least four characters: UTF-16 of ASCII text."""
    start = head[: len(head) // 2 * 2]
    for letters, zeros in ((start[::2], start[1::2]), (start[1::2], start[::2])):
        if len(letters) >= 4 and not zeros.strip(b"\0") and _is_printed(letters):
            return True
    return False


def _is_printed(text: bytes) -> bool:
    """Whether it is printable ASCII or UTF-8, which may be cut off within a character."""
    if not text.translate(None, _PRINTED):
        return True
    try:
        letters = codecs.getincrementaldecoder("utf-8")().decode(text)
    except UnicodeDecodeError:
        return False
    return bool(letters) and all(c.isprintable() or c.isspace() for c in letters)


def _markup(text: bytes) -> str | None:
    lower = text.lower()
    if lower.startswith(b"<"):
        for tag, name in _MARKUP:
            if tag in lower:
                return name
        return "an XML document"
    if re.match(rb"\{\s*(?:[\"}]|\Z)|\[\s*[\[{\"\]\d\-]", text):
        return "JSON text"
    return None


def _wrapped(text: bytes) -> str | None:
    """A message format that contains the bytes of an image unchanged."""
    if text.startswith(b"--") and b"content-disposition" in text.lower():
        return "a multipart form: send the bytes of its file alone"
    if text.startswith(b"HTTP/"):
        return "an HTTP response: send the bytes of its body alone"
    return None


def _encoded(text: bytes) -> str | None:
    """The bytes of an image encoded as text."""
    quoted = text.strip(b"\"'")
    if quoted.lower().startswith(b"data:"):
        return "a data: URL: send the bytes that it stands for"
    if _LITERAL.match(text):
        return "bytes written as text: send the bytes themselves"
    image = _image(_from_base64(quoted))
    if image is not None:
        return f"base64 of {image}: send the bytes"
    image = _image(_from_hex(quoted))
    if image is not None:
        return f"hexadecimal digits of {image}: send the bytes"
    return None


def _from_base64(text: bytes) -> bytes:
    if not _BASE64.match(text):
        return b""
    digits = text[:64].translate(bytes.maketrans(b"-_", b"+/"), _SPACE)
    try:
        return base64.b64decode(digits[: len(digits) // 4 * 4])
    except binascii.Error:
        return b""


def _from_hex(text: bytes) -> bytes:
    match = _HEX.match(text)
    if match is None:
        return b""
    digits = match[1].translate(None, _SPACE + b":,").decode()
    return bytes.fromhex(digits[: len(digits) // 2 * 2])


def _image(data: bytes) -> str | None:
    for start, name in _IMAGES:
        if data.startswith(start):
            return name
    return None


def _location(text: bytes) -> str | None:
    """A URL or a path, sent in place of the image."""
    if _URL.match(text):
        return "a URL: the server fetches nothing, send the bytes"
    if _PATH.match(text):
        return "the path of a file: send its bytes"
    return None
