"""The LLM lifecycle as Dagster assets. The domain packages are plain Python; `orchestration` and `components` know Dagster."""
