"""The scheduling of jobs on threads: which runs when, and which is refused.

Rule: threads and time, nothing of images, models or gRPC; of the server it imports only
`errors`.
"""
