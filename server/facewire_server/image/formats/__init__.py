"""One decoder for each file format, and the modules that they share.

Rule: a decoder checks in the header what decoding will cost, before it decodes a pixel.
"""
