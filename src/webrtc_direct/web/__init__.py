"""A web page that dials a listener from the browser, and the small HTTP server behind it.

``webrtc-direct listen --web`` loads it; nothing else does.
"""
