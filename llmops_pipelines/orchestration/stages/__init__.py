"""One file a stage: the section's settings, and the asset built from them."""
