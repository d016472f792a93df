"""``Node``, ``dial``, ``listen``: how connections are made and kept; it knows neither frames nor states."""
