"""A file of tokens: its format, its errors, and the headers it admits."""

import hashlib
from pathlib import Path

import pytest

from facewire_server.errors import ConfigError
from facewire_server.security.tokens import FLAG, Tokens

TOKEN = "sesame-9f8e7d"


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def loaded(folder: Path, content: str) -> Tokens:
    tokens = Tokens(folder / "tokens")
    tokens.load({FLAG: content.encode()})
    return tokens


@pytest.mark.parametrize(
    "content",
    [
        TOKEN,
        f"{TOKEN}\n",
        f"# a comment\r\n\r\n  {TOKEN}  \r\n",
        f"another\n{TOKEN}\n{TOKEN}\nand-another\n",
        f"sha256:{digest(TOKEN)}\n",
        f"SHA256:{digest(TOKEN).upper()}\n",
    ],
)
def test_a_token_is_admitted_in_every_form_that_the_file_may_have(
    tmp_path: Path, content: str
) -> None:
    tokens = loaded(tmp_path, content)
    assert tokens.admit([f"Bearer {TOKEN}"])
    assert tokens.admit([f"bearer  {TOKEN} "])
    assert not tokens.admit([f"Bearer {TOKEN}x"])


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        [TOKEN],
        ["Bearer"],
        ["Bearer "],
        [f"Basic {TOKEN}"],
        [f"Bearer{TOKEN}"],
        [f"Bearer Bearer {TOKEN}"],
        [f"Bearer {TOKEN.upper()}"],
        [f"Bearer {TOKEN[:-1]}"],
        [f"Bearer {digest(TOKEN)}"],
        [f"Bearer sha256:{digest(TOKEN)}"],
        ["Bearer # a comment"],
        ["Bearer émile"],
        ["Bearer \udcff"],
        [f"Bearer {TOKEN}", f"Bearer {TOKEN}"],
        [f"Bearer {TOKEN}", "Basic x"],
    ],
)
def test_other_headers_are_not_admitted(tmp_path: Path, headers: list[str]) -> None:
    lines = f"# a comment\n{TOKEN}\nsha256:{digest('émile')}\n"
    assert not loaded(tmp_path, lines).admit(headers)


def test_no_token_is_admitted_before_the_file_is_loaded(tmp_path: Path) -> None:
    assert not Tokens(tmp_path / "tokens").admit([f"Bearer {TOKEN}"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (f"{TOKEN} and more", "one word of visible ASCII"),
        (f"{TOKEN}é", "one word of visible ASCII"),
        (f"\ufeff{TOKEN}", "one word of visible ASCII"),
        (f"{TOKEN}\x00", "one word of visible ASCII"),
        (f"sha256:{TOKEN}", "64 hexadecimal digits"),
        (f"sha256: {digest(TOKEN)}", "64 hexadecimal digits"),
        (f"sha256:{digest(TOKEN)}00", "64 hexadecimal digits"),
        (f"sha256:{digest('')}", "digest of an empty token"),
    ],
)
def test_a_bad_line_is_named_by_its_number_and_not_shown(
    tmp_path: Path, line: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f"# one\n\ngood\n{line}\n")
    text = str(caught.value)
    assert text.startswith(f"--token-file: {tmp_path}/tokens, line 4: ")
    assert message in text
    assert TOKEN not in text
    assert digest(TOKEN) not in text
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("content", ["", "\n \n", "# a comment alone\n"])
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(ConfigError, match=r"--token-file: .*tokens holds no token"):
        loaded(tmp_path, content)


def test_the_tokens_loaded_before_stay_in_use_when_the_file_is_bad(tmp_path: Path) -> None:
    tokens = loaded(tmp_path, TOKEN)
    for bad in "", "two words":
        with pytest.raises(ConfigError):
            tokens.load({FLAG: bad.encode()})
        assert tokens.admit([f"Bearer {TOKEN}"])


def test_no_token_is_kept_in_memory(tmp_path: Path) -> None:
    tokens = loaded(tmp_path, TOKEN)
    assert TOKEN not in repr(tokens)
    assert TOKEN not in repr(vars(tokens))
