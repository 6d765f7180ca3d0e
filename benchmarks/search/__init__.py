"""Search at scale: rows made of real passages, the product's index over them, and a plain vector library as the limit."""
