"""One program a library, run in the environment where it is installed. They share `driving.py`."""
