"""Large language models behind OpenAI-compatible endpoints. Answers from a corpus, and judges of them, come here."""
