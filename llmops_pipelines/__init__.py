"""The LLM lifecycle as Dagster assets.

The domain packages are plain Python; `orchestration`, `components` and `resources` know Dagster.
"""
