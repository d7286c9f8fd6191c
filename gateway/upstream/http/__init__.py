"""Links to servers over Streamable HTTP, in both eras of the protocol."""
