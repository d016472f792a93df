"""Transfers over paths with a round trip, a bottleneck and losses: ``python -m benchmarks.paths``.

docs/paths.md tells what is measured. The path is ``rust/relay``, a program between dialer and
listener; those are the programs of ``interop/``, and quinn as the reference of what a path carries.
"""
