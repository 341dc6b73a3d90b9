"""Everything that speaks OpenVINO: from pixels to detections, without a server.

Rule: no other room imports OpenVINO, and this one knows nothing of gRPC.
"""
