"""Accuracy: annotated photos, what a server found in them, and the measures of both.

Needs more packages: pip install 'facewire[evaluate]'.
"""
