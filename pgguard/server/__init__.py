"""The only package, the demo aside, that talks to a server."""
