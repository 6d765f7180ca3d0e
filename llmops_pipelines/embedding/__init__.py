"""From texts to vectors: model identity, the local engine, and embedding only what is missing. No Dagster here."""
