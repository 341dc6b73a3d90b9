"""What the operating system gives: addresses, CPU quota, files, memory, threads.

Rule: of the server it imports only `errors`; what it does needs neither models nor gRPC.
"""
