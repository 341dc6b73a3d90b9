"""Which job runs when, and which is refused.

Rule: threads and time, nothing of images, models or gRPC; of the server it imports only
`errors`.
"""
