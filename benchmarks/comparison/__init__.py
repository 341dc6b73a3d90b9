"""Comparing servers of the same job, in turns on one machine.

`compare`, `overload` and `bars` beside this folder are the commands.
"""
