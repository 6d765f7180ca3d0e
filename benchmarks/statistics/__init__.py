"""How often the statistics of the gate are wrong."""
