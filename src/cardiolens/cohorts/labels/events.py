"""The events of linked records as one table: a line for each person, code and day.

Columns are `person` (as in the table of visits), `code` (normalised ICD-10) and `day` (datetime64, NaT where the day is not
known). A cause of death is an event of the day of death.
"""

from __future__ import annotations

import pandas as pd

from cardiolens.cohorts.labels.codes import normalise_codes

PLACEHOLDERS = ("1900-01-01", "1901-01-01", "1902-02-02", "1903-03-03", "1909-09-09", "2037-07-07")
"""Days that UK Biobank writes where the day is not known or impossible."""


def clean_events(events: pd.DataFrame, *, born: pd.Series | None) -> pd.DataFrame:
    """The events with one way of writing codes, without what is no day, without lines that say nothing or repeat another.

    A placeholder or a day before birth becomes NaT: the diagnosis stands, its day is unknown. `born` is the day of birth by
    person; where it is not known, nothing is held against it. Times of day are cut off.
    """
    day = events["day"].dt.normalize()
    impossible = day.isin(pd.to_datetime(list(PLACEHOLDERS)))
    if born is not None:
        impossible |= day < events["person"].map(born.dt.normalize())
    cleaned = pd.DataFrame({"person": events["person"], "code": normalise_codes(events["code"]), "day": day.mask(impossible)})
    return cleaned.dropna(subset=["person", "code"]).drop_duplicates(ignore_index=True)
