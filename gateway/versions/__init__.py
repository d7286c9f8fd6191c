"""Several versions of one tool: which there are, and which of them a call gets."""
