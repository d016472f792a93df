"""Protocols without I/O: bytes and events in, bytes and events out.

Nothing in here owns a socket, a clock or a task.
"""
