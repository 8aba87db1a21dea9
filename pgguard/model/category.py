"""The categories of personal data that a column may hold."""

from typing import Literal

Category = Literal[
    "direct_identifier",
    "national_id",
    "record_number",
    "contact",
    "date_of_birth",
    "death",
    "demographic",
    "special_category",
    "health_observation",
    "care_event",
    "genetic",
    "free_text",
    "credential",
    "staff_identity",
    "network_identifier",
    "insurance_financial",
    "person_key",
    "none",
]
NOT_SENSITIVE = frozenset({"person_key", "none"})
