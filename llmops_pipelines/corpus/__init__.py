"""From a source to passages: sources, syncing, cleaning and chunking. No Dagster here."""
