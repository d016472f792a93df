"""Streams over data channels: frames, states, protocols, limits. It knows no platform and no handler."""
