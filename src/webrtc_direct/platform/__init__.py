"""What supplies connections whose ICE, DTLS and SCTP are up; everything above is the same everywhere."""
