"""What a server tells its operators: metrics and logs.

Rule: it knows what is counted (detections, descriptions of models), and nothing of gRPC.
"""
