"""Varints, protobuf and multibase: bytes to values and back. It does not know what the values mean."""
