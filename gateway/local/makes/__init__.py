"""Servers of other makes than the SDK's `MCPServer`, in a user's file."""
