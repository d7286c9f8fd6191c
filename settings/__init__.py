"""Every setting, declared once and read from the environment once."""
