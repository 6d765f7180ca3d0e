"""Retrieval on SciFact: published figures reproduced, and what each step from full text to tuned hybrid search brings."""
