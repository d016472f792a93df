"""Every limit of the package, and counts of what they refuse. It does not know what is refused."""
