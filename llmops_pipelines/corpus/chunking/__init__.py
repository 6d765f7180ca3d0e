"""From a clean document to the passages that are embedded."""
