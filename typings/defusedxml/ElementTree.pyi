"""The part of defusedxml that the client uses."""

from xml.etree.ElementTree import Element
from xml.etree.ElementTree import ParseError as ParseError

def fromstring(text: bytes) -> Element: ...
