"""How well drift of upstream models is found."""
