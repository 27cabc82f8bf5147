"""Da Vinci Coverage Requirements Discovery: what a payer says of an order, made from its determinations."""
