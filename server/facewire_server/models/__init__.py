"""A model before it is compiled: its source, files, metadata, sidecar and name.

Rule: nothing here imports OpenVINO or `inference`; the registry takes any loaded model.
"""
