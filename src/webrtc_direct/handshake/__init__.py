"""Session descriptions and Noise: what both ends derive, send and prove; it does no I/O and has no clock."""
