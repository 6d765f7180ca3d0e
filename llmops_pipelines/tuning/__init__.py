"""The fine-tuned model: what it learns from, how it learns, what it must not lose, where it is kept. No Dagster here."""
