"""The command ``webrtc-direct``: words, files and exit codes; it does not know how connections work.

It owns what a person types and reads. Each command is a module of its own that is loaded when
it is named, so that a command starts with what it needs and no more.
"""
