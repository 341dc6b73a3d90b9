"""The operating system: addresses, cache folder, CPU quota, files, memory, threads.

Rule: of the server this room imports only `errors`; it knows neither models nor gRPC.
"""
