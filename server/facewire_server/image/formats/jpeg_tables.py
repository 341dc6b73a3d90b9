"""The Huffman tables of a JPEG file: those that it defines, and those of the standard.

Source: ITU T.81, B.2.4.2 and K.3.
"""

from collections.abc import Iterator
from typing import NamedTuple


class HuffmanTable(NamedTuple):
    """A table for AC or DC coefficients: how many codes of 1 to 16 bits, for what."""

    ac: bool
    slot: int
    counts: bytes
    symbols: bytes


def tables_in(segment: bytes) -> Iterator[HuffmanTable]:
    """The tables that a segment (DHT) defines; ValueError when it is broken."""
    position = 0
    while position < len(segment):
        counts = segment[position + 1 : position + 17]
        end = position + 17 + sum(counts)
        if len(counts) < 16 or end > len(segment):
            raise ValueError("a table is cut off")
        slot = segment[position]
        yield HuffmanTable(slot & 0x10 != 0, slot & ~0x10, counts, segment[position + 17 : end])
        position = end


STANDARD = (
    HuffmanTable(
        False,
        0,
        bytes.fromhex("00010501010101010100000000000000"),
        bytes.fromhex("000102030405060708090a0b"),
    ),
    HuffmanTable(
        True,
        0,
        bytes.fromhex("0002010303020403050504040000017d"),
        bytes.fromhex(
            "01020300041105122131410613516107227114328191a1082342b1c11552d1f0"
            "2433627282090a161718191a25262728292a3435363738393a43444546474849"
            "4a535455565758595a636465666768696a737475767778797a83848586878889"
            "8a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3c4c5"
            "c6c7c8c9cad2d3d4d5d6d7d8d9dae1e2e3e4e5e6e7e8e9eaf1f2f3f4f5f6f7f8"
            "f9fa"
        ),
    ),
    HuffmanTable(
        False,
        1,
        bytes.fromhex("00030101010101010101010000000000"),
        bytes.fromhex("000102030405060708090a0b"),
    ),
    HuffmanTable(
        True,
        1,
        bytes.fromhex("00020102040403040705040400010277"),
        bytes.fromhex(
            "000102031104052131061241510761711322328108144291a1b1c109233352f0"
            "156272d10a162434e125f11718191a262728292a35363738393a434445464748"
            "494a535455565758595a636465666768696a737475767778797a828384858687"
            "88898a92939495969798999aa2a3a4a5a6a7a8a9aab2b3b4b5b6b7b8b9bac2c3"
            "c4c5c6c7c8c9cad2d3d4d5d6d7d8d9dae2e3e4e5e6e7e8e9eaf2f3f4f5f6f7f8"
            "f9fa"
        ),
    ),
)
"""What frames of video go without, and decoders take where a file defines none."""
