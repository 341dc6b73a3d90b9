"""Metrics and logs for the operators of a server.

Rule: this room knows what is counted (detections, descriptions of models), and nothing of gRPC.
"""
