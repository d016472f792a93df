"""Multiaddrs, and the names and zones in them. It knows what an address says, and dials nothing."""
