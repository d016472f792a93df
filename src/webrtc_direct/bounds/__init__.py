"""Every limit, and counts of what the limits refuse; it does not know what is refused."""
