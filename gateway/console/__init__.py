"""The calls in flight and those that ended last, for people who look at them in a browser."""
