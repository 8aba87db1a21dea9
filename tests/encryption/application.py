"""An application as people write it with SQLAlchemy; of encryption it only knows how to unlock a session."""

from __future__ import annotations

import datetime  # noqa: TC003 - SQLAlchemy reads the annotations
from decimal import Decimal  # noqa: TC003 - the same
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Date, ForeignKey, Identity, Numeric, String, create_engine, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from pgguard.demo.cluster import Cluster


class Base(DeclarativeBase):
    """The application's models."""


class Patient(Base):
    """A patient."""

    __tablename__ = "patient"
    __table_args__ = {"schema": "lab"}  # noqa: RUF012 - SQLAlchemy's own form

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    nir: Mapped[str | None] = mapped_column(String, unique=True)
    born: Mapped[datetime.date | None] = mapped_column(Date)
    phone: Mapped[str | None] = mapped_column(String(20))
    note: Mapped[str | None] = mapped_column(server_default=text("'none'"))
    weight: Mapped[Decimal | None] = mapped_column(Numeric(6, 2))
    data: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    counter: Mapped[int] = mapped_column(server_default=text("0"))
    samples: Mapped[list[Sample]] = relationship(back_populates="patient", cascade="all, delete-orphan")


class Sample(Base):
    """What was taken of a patient."""

    __tablename__ = "sample"
    __table_args__ = {"schema": "lab"}  # noqa: RUF012 - SQLAlchemy's own form

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    patient_id: Mapped[int] = mapped_column(ForeignKey("lab.patient.id"))
    kind: Mapped[str]
    patient: Mapped[Patient] = relationship(back_populates="samples")


def engine(cluster: Cluster, database: str, role: str, kek: bytes) -> Engine:
    """The application's engine, whose sessions are unlocked when they connect."""
    made = create_engine(
        "postgresql+psycopg://",
        connect_args={
            "host": str(cluster.socket_dir),
            "port": cluster.port,
            "user": role,
            "dbname": database,
        },
        pool_size=2,
    )

    @event.listens_for(made, "connect")
    def unlock(connection: Any, _: object) -> None:
        connection.execute("SELECT pgguard.unlock(%b)", (kek,))
        connection.commit()

    return made
