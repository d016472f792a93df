"""Multiaddrs, and the names and zones in them; it finds out what to dial, and dials nothing."""
