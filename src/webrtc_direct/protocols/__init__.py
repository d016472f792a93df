"""The protocols that come with the package; they do not know how a connection is made.

Ping and identify are always served, perf and echo where a program asks for them.
"""
