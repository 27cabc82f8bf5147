"""Who calls: the JSON Web Tokens of CDS clients."""
