"""Resource classes: each hands out a plain library object. Nothing is opened before an asset asks for it."""
