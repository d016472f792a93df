"""Bytes to values and back (varint, protobuf, multibase); it does not know what the values mean."""
