"""A server of this process: found in a file, called directly, served natively."""
