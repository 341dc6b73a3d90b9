"""The rivals: the same job as facewire's, written as their own documents show it.

Rule: none of them knows facewire's server, client or extension.
"""
