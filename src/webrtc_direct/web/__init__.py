"""A page that dials a listener from the browser, and its HTTP server; they do not know the command line.

``webrtc-direct listen --web`` loads it; nothing else does.
"""
