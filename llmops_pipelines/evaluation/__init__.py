"""How good retrieval is: questions, metrics with intervals, and the report. No Dagster here."""
