"""Where documents come from. A new source is one class with one method; see `protocol.py`."""
