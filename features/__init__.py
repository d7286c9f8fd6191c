"""What settings turn on: one file a feature, each imported only when it is on."""
