"""The tokens that callers may show, kept as digests.

Rule: no token leaves this module, not even in the complaint about its line.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from hmac import compare_digest
from pathlib import Path

from facewire_server.errors import ConfigError

FLAG = "--token-file"
HASHED = "sha256:"


class Tokens:
    """A file of tokens, one a line, as they are or as `sha256:HEX`.

    Blank lines, and those that begin with `#`, say nothing. Nobody is admitted before
    the file is loaded.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digests: frozenset[bytes] = frozenset()

    @property
    def files(self) -> dict[str, Path]:
        """What the tokens are read from, by its flag."""
        return {FLAG: self._path}

    def load(self, contents: Mapping[str, bytes]) -> None:
        """Takes the tokens in the file, given what is in it by FLAG.

        Raises ConfigError, which names the flag and the line, and then what was read
        before holds on.
        """
        digests = frozenset(self._read(contents[FLAG]))
        if not digests:
            raise ConfigError(f"{FLAG}: {self._path} holds no token")
        self._digests = digests

    def admit(self, authorization: Sequence[str]) -> bool:
        """Whether a call with these `authorization` headers has one of the tokens.

        How long that takes tells nothing of the tokens but how many there are.
        """
        if len(authorization) != 1:
            return False
        scheme, _, token = authorization[0].partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or not token.isascii():
            return False
        shown = hashlib.sha256(token.encode()).digest()
        found = False
        for digest in self._digests:
            found |= compare_digest(digest, shown)
        return found

    def _read(self, content: bytes) -> Iterator[bytes]:
        for number, line in enumerate(content.splitlines(), start=1):
            line = line.strip()
            if line and not line.startswith(b"#"):
                try:
                    yield _digest(line)
                except ValueError as error:
                    where = f"{self._path}, line {number}"
                    raise ConfigError(f"{FLAG}: {where}: {error}") from None


def _digest(line: bytes) -> bytes:
    """The digest of one line's token. Raises ValueError, without the line."""
    if line.lower().startswith(HASHED.encode()):
        digits = line[len(HASHED) :]
        if not re.fullmatch(rb"[0-9A-Fa-f]{64}", digits):
            raise ValueError(f"not 64 hexadecimal digits after {HASHED}")
        digest = bytes.fromhex(digits.decode())
        if digest == hashlib.sha256(b"").digest():
            raise ValueError("the digest of an empty token")
        return digest
    if not re.fullmatch(rb"[!-~]+", line):
        raise ValueError("a token is one word of visible ASCII characters")
    return hashlib.sha256(line).digest()
