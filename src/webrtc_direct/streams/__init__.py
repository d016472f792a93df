"""Streams over data channels: frames, states, protocols, bounds; they know neither platforms nor handlers."""
