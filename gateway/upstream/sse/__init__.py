"""Links to servers over the HTTP+SSE transport of 2024-11-05: one stream of events and one URL for POSTs a session."""
