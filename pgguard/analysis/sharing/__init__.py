"""One login, several people: what sessions seen over time say about who uses a login."""

from pgguard.analysis.sharing.grade import Known, assess, assess_all

__all__ = ["Known", "assess", "assess_all"]
