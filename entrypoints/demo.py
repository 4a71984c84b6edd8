"""The demo concert: always on sale, always the first of the list."""

from datetime import datetime, timedelta
from uuid import UUID

from application.catalogue.create_concert import CreateConcertCommand, PerformancePlan
from domain.concert import Section, Venue
from domain.ids import ConcertId
from domain.money import Won

DEMO_CONCERT = ConcertId(UUID("00000000-0000-7000-8000-000000000001"))
"""The same in every database, so that a repeat finds it; lower than any id that is generated."""

HALL = Venue(
    name="Olympic Hall",
    sections=(
        Section(name="Floor A", rows=10, seats_per_row=30, grade="VIP", price=Won(198_000)),
        Section(name="Floor B", rows=20, seats_per_row=30, grade="R", price=Won(154_000)),
        Section(name="Balcony", rows=20, seats_per_row=30, grade="S", price=Won(110_000)),
    ),
)


def demo_concert(now: datetime) -> CreateConcertCommand:
    """First come, first served: 500 people book at once, 50 are admitted a second."""
    first_night = (now + timedelta(days=365)).replace(hour=10, minute=0, second=0, microsecond=0)
    opened = now - timedelta(minutes=1)
    return CreateConcertCommand(
        concert_id=DEMO_CONCERT,
        title="The First Snow",
        artist="The Night Owls",
        queue_opens_at=opened,
        sales_open_at=opened,
        sales_close_at=first_night,
        performances=tuple(PerformancePlan(venue=HALL, starts_at=first_night + timedelta(days=night)) for night in range(2)),
        purchase_limit=4,
        capacity=500,
        rate=50,
    )
