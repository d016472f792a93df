"""Keys, peer ids, DTLS certificates, and their files; it knows no addresses and no connections."""
