"""What the objects are called that a table's encryption adds."""

from pgguard.model.encryption_names import SCHEMA, beside, function, storage

__all__ = ["SCHEMA", "beside", "function", "storage"]
