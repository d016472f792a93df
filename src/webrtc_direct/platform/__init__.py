"""Platforms supply connections whose ICE, DTLS and SCTP are up; everything above them is the same everywhere."""
