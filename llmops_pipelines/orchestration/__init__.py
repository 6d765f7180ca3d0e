"""Dagster: what turns the domain into assets, checks, jobs, sensors and schedules. The domain never imports this."""
