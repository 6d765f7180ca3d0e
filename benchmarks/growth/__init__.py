"""How the cost of a corpus's life grows with its documents."""
