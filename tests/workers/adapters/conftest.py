"""A picture to send."""

import pytest

from tests.api.images import picture


@pytest.fixture
def photo() -> bytes:
    """Of 100 × 60 pixels, some of them transparent."""
    return picture((100, 60), mode="RGBA", hole=(50, 0, 99, 59))
