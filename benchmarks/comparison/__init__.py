"""Comparing servers of the same job, in alternation on one machine.

`compare`, `overload` and `bars` beside this folder are the commands.
"""
