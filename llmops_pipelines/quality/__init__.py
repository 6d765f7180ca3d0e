"""Data quality: suites of expectations (Great Expectations) and the results of gates. No Dagster here."""
