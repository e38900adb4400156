"""What the tests share: folders of data, which may be absent."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of data sets; tests that need one that is not there are skipped with its name."""
    return Path(os.environ.get("MATBACKPROP_DATA", ROOT.parent / "shared" / "data")).resolve()


def needs(path: Path) -> Path:
    """The path, or a skip with its name."""
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    return path
