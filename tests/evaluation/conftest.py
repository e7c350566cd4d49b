from collections.abc import Callable

import pandas as pd
import pytest
from made_up import made_up_predictions


@pytest.fixture
def predictions() -> Callable[..., pd.DataFrame]:
    """The maker of small tables of predictions."""
    return made_up_predictions
