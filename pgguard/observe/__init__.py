"""What happened on a cluster: server logs read as a stream, sessions put together, kept in a store."""
