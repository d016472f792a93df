"""Connections: proving who the peer is, opening and serving streams. It does not know how one is made."""
