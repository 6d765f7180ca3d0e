"""Upstream models as observed assets: what is declared of one, the asset, its jobs and schedules, and its page."""
