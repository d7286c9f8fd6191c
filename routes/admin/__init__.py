"""The admin API at `/admin`."""
