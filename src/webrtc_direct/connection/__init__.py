"""Authenticated connections, which open and serve streams; they do not know how they are made."""
