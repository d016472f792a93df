"""Keys, peer ids, DTLS certificates and their files. It knows nothing of addresses or connections."""
