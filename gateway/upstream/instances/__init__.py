"""Several instances of one HTTP server: which of them a request goes to, and which are set aside."""
