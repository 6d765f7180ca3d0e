"""The searchable index of one embedding model: building, reconciling, searching. No Dagster here."""
