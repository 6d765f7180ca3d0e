"""What is live: manifests of released indexes, appended and never rewritten. No Dagster here."""
