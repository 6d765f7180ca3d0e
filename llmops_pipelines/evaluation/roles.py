"""In which role an index is measured: all of them answer the same questions about the same corpus."""

from typing import Literal

Role = Literal["candidate", "production", "untuned", "accepted"]

CANDIDATE: Role = "candidate"  # what the evaluation is of
PRODUCTION: Role = "production"  # what is in force
UNTUNED: Role = "untuned"  # the base model on the candidate's passages
ACCEPTED: Role = "accepted"  # the candidate itself, as its model answered when it was accepted
