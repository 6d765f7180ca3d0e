"""What a change of documents re-embeds."""
