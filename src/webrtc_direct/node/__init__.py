"""``Node``, ``dial``, ``listen``: how connections are made and held. It knows no frames and no platform."""
