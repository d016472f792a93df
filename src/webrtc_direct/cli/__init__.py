"""The command ``webrtc-direct``: words, files and exit codes around the public API.

It owns what a person types and reads. It knows nothing of what is below the API, and
each command is a module of its own that is loaded when it is named, so that a command
starts with what it needs and no more.
"""
