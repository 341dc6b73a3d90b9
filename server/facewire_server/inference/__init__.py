"""Inference with OpenVINO: from images to detections, without a server.

Rule: no other room imports OpenVINO, and this one knows nothing of gRPC.
"""
