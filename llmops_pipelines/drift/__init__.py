"""Whether a model that others run or publish is still the one that was accepted: identity, probes, statistics, verdicts."""
