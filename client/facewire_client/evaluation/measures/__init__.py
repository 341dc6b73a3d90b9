"""Measures of detections against annotated faces, on plain arrays.

Each takes the truth and what was found of each photo, in the same order.
"""
