"""The input contract: from any recording to 12 leads in order at 500 Hz in mV, or a refusal that says why."""

from __future__ import annotations

from cardiolens.signals.leads import standard_leads
from cardiolens.signals.quality import refuse_unusable
from cardiolens.signals.resampling import to_rate
from cardiolens.types import Recording


def prepare_recording(recording: Recording) -> Recording:
    """The recording as every model expects it, with notes on what was done to it.

    Quality is judged before the rate is changed, since the filter would hide missing samples.

    Raises:
        BadRecording: leads, length, rate or quality cannot be used.
    """
    return to_rate(refuse_unusable(standard_leads(recording)))
