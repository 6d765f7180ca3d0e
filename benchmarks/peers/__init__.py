"""The same edit of a corpus through this project and three libraries that keep a store in line with documents."""
