"""Session descriptions and Noise: what both ends derive, send and prove. It does no I/O and has no clock."""
