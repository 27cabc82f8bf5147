"""What all expression languages share."""
