"""Describe data that is no supported image, for the message that refuses it.

Rule: only the first HEAD bytes are read, and nothing is decoded. Where they do not decide,
there is no description.
"""

from collections.abc import Iterable

from facewire_server.image.text_signatures import describe_text

HEAD = 1024
"""How many bytes are read."""

# By the first bytes of a file; the first match counts.
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL image"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image (codestream)"),
    (b"II\xbc", "a JPEG XR image"),
    (b"8BPS", "a Photoshop document (PSD)"),
    (b"gimp xcf", "a GIMP image (XCF)"),
    (b"%PDF-", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document (EPS)"),
    (b"v/1\x01", "an OpenEXR image"),
    (b"#?RADIANCE", "a Radiance HDR image"),
    (b"#?RGBE", "a Radiance HDR image"),
    (b"FUJIFILMCCD-RAW", "a raw photo of a Fujifilm camera (RAF)"),
    (b"IIRO", "a raw photo of an Olympus camera (ORF)"),
    (b"IIRS", "a raw photo of an Olympus camera (ORF)"),
    (b"MMOR", "a raw photo of an Olympus camera (ORF)"),
    (b"IIU\0", "a raw photo of a Panasonic camera (RW2)"),
    (b"II\x1a\0\0\0HEAPCCDR", "a raw photo of a Canon camera (CRW)"),
    (b"FOVb", "a raw photo of a Sigma camera (X3F)"),
    (b"\0MRM", "a raw photo of a Minolta camera (MRW)"),
    (b"qoif", "a QOI image"),
    (b"DDS ", "a DDS texture"),
    (b"\xabKTX ", "a KTX texture"),
    (b"farbfeld", "a farbfeld image"),
    (b"BPG\xfb", "a BPG image"),
    (b"FLIF", "a FLIF image"),
    (b"\x8aMNG\r\n\x1a\n", "an MNG animation"),
    (b"\x8bJNG\r\n\x1a\n", "a JNG image"),
    (b"\x89PNG", "a PNG image that was changed on its way, as text is"),
    (b"icns", "an Apple icon (ICNS)"),
    (b"\x01\xda", "an SGI image"),
    (b"\x59\xa6\x6a\x95", "a Sun raster image"),
    (b"SIMPLE  =", "a FITS image"),
    (b"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)"),
    (b"\0\5\x16\7", "an AppleDouble file, which goes with an image"),
    (b"\x1a\x45\xdf\xa3", "a WebM or Matroska video"),
    (b"\0\0\1\xba", "an MPEG video"),
    (b"\0\0\1\xb3", "an MPEG video"),
    (b"\0\0\0\1\x67", "an H.264 video"),
    (b"FLV\1", "a Flash video"),
    (b"OggS", "an Ogg video or sound"),
    (b"ID3", "an MP3 sound"),
    (b"fLaC", "a FLAC sound"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media video"),
    (b"PK\3\4", "a ZIP archive"),
    (b"PK\5\6", "a ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\0", "xz data"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\7", "a RAR archive"),
    (b"\x93NUMPY", "a NumPy array: send its pixels as a raw image"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"\x80\3", "a pickled Python object"),
    (b"\x80\4\x95", "a pickled Python object"),
    (b"\x80\5\x95", "a pickled Python object"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"\xc3\xbf\xc3\x98\xc3\xbf", "a JPEG image that was encoded as text"),
    (b"\xc2\x89PNG", "a PNG image that was encoded as text"),
    (b"\xef\xbf\xbdPNG", "a PNG image that was decoded as text: its bytes are lost"),
    (b"\xef\xbf\xbd" * 3, "bytes that were decoded as text, and are lost"),
)

_RIFF_KINDS = {b"AVI ": "an AVI video", b"WAVE": "a WAV sound"}

# Brands in the first box of ISO base media files (ISO/IEC 14496-12).
_AVIF = frozenset({b"avif", b"avis"})
_HEIC = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
_HEIF = frozenset({b"mif1", b"msf1", b"mif2", b"miaf"})
# Types of the first box of QuickTime files without brands.
_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})

_ICONS = {1: "a Windows icon (ICO)", 2: "a Windows cursor (CUR)"}
_TGA_KINDS = frozenset({1, 2, 3, 9, 10, 11})
_TGA_DEPTHS = frozenset({8, 15, 16, 24, 32})
_JPEG_START = b"\xff\xd8\xff"


def describe(data: bytes) -> str | None:
    """Say what `data`, not empty, seems to be ("a GIF image"); None when it is unclear."""
    head = data[:HEAD]
    for start, name in _STARTS:
        if head.startswith(start):
            return name
    description = _media(head) or _riff(head) or _pixmap(head) or _icon(head) or _tga(head)
    if description is None and len(set(head)) == 1 and len(head) > 1:
        return f"nothing but bytes of {head[0]}, as of a file that was never written"
    return description or describe_text(head) or _embedded(head) or _short(data)


def _media(head: bytes) -> str | None:
    """A file of ISO boxes: HEIC and AVIF images, videos."""
    if head[4:8] in _QUICKTIME:
        return "a QuickTime video (MOV)"
    if head[4:8] != b"ftyp":
        return None
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12]]
    brands += [head[offset : offset + 4] for offset in range(16, end - 3, 4)]
    return _image_brand(brands[:1]) or _image_brand(brands) or _video(brands[0])


def _image_brand(brands: Iterable[bytes]) -> str | None:
    known = set(brands)
    if known & {b"crx "}:
        return "a raw photo of a Canon camera (CR3)"
    if known & {b"jxl "}:
        return "a JPEG XL image"
    if known & {b"jp2 ", b"jpx ", b"jph "}:
        return "a JPEG 2000 image"
    if known & _AVIF:
        return "an AVIF image"
    if known & _HEIC:
        return "a HEIC image"
    # HEIF brands are general: the file's other brands are more precise.
    return "a HEIF image" if known & _HEIF and len(known) > 1 else None


def _video(brand: bytes) -> str:
    if brand in _HEIF:
        return "a HEIF image"
    return "a QuickTime video (MOV)" if brand == b"qt  " else "an MP4 video"


def _riff(head: bytes) -> str | None:
    return _RIFF_KINDS.get(head[8:12]) if head.startswith(b"RIFF") else None


def _pixmap(head: bytes) -> str | None:
    if head[:1] == b"P" and head[1:2] in b"1234567Ff" and head[2:3].isspace():
        return f"a PNM image (P{head[1:2].decode()})"
    return None


def _icon(head: bytes) -> str | None:
    kind = int.from_bytes(head[2:4], "little")
    if head.startswith(b"\0\0") and kind in _ICONS and head[4:6].strip(b"\0"):
        return _ICONS[kind] if len(head) >= 22 and head[9] == 0 else None
    if head[128:132] == b"DICM":
        return "a DICOM image"
    return None


def _tga(head: bytes) -> str | None:
    """TGA has no signature: the fields of its header must be consistent."""
    if len(head) < 18 or head[2] not in _TGA_KINDS or head[16] not in _TGA_DEPTHS:
        return None
    has_palette = head[2] in (1, 9)
    sides = head[12:14].strip(b"\0") and head[14:16].strip(b"\0")
    return "a TGA image" if head[1] == has_palette and sides and head[17] < 64 else None


def _embedded(head: bytes) -> str | None:
    """An image that begins behind other bytes."""
    for start, name in ((_JPEG_START, "a JPEG image"), (b"\x89PNG\r\n", "a PNG image")):
        offset = head.find(start)
        if offset > 0:
            return f"{name} behind {offset} bytes that do not belong to it"
    return None


def _short(data: bytes) -> str | None:
    if _JPEG_START.startswith(data[:3]):
        return "the first bytes of a JPEG image, cut off"
    return f"cut off, at {len(data)} bytes" if len(data) < 12 else None
