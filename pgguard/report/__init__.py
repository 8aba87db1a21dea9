"""Reports: from a snapshot and a policy to a `Report`, and from a `Report` to text."""
