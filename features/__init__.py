"""Optional features: one file each, imported only if a setting turns it on."""
