"""What goes wrong around the service, made to go wrong on loopback."""
