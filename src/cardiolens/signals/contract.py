"""The input contract: from any recording to 12 leads in order at 500 Hz in mV, or a refusal that says why."""

from __future__ import annotations

from dataclasses import dataclass

from cardiolens.errors import BadRecording
from cardiolens.signals.leads import standard_leads
from cardiolens.signals.quality import Quality, assess, first_refusal, refuse_short, refuse_unusable, without_dead_chest_leads
from cardiolens.signals.resampling import refuse_other_rates, to_rate
from cardiolens.types import Recording


@dataclass(frozen=True)
class Examination:
    """A recording with its 12 leads in order, still at its own rate, and the verdict on its quality."""

    recording: Recording
    quality: Quality

    @property
    def refusal(self) -> BadRecording | None:
        """Why no model may be asked, or None."""
        return first_refusal(self.recording, self.quality.findings)

    def prepared(self) -> Recording:
        """The recording as every model expects it; its notes say what was done to it, not what its quality is.

        Raises:
            BadRecording: the quality refuses it.
        """
        if refusal := self.refusal:
            raise refusal
        return to_rate(self.recording)


def examine_recording(recording: Recording, *, allow_missing_leads: bool = False) -> Examination:
    """The recording in order, judged. Poor quality is a verdict here, so that a person can look at what was refused.

    With `allow_missing_leads`, chest leads that are missing, flat or mostly empty become zeros, and a finding says so.

    Raises:
        BadRecording: leads, rate or length cannot be used at all.
    """
    ordered = _in_order(recording, allow_missing_leads)
    refuse_other_rates(ordered)
    refuse_short(ordered)
    return Examination(ordered, assess(ordered))


def prepare_recording(recording: Recording, *, allow_missing_leads: bool = False) -> Recording:
    """The recording as every model expects it, with notes on what was done to it; quality is judged only so far as it refuses.

    Quality is judged before the rate is changed, since the filter would hide missing samples.

    Raises:
        BadRecording: leads, length, rate, scale or quality cannot be used.
    """
    ordered = _in_order(recording, allow_missing_leads)
    refuse_other_rates(ordered)
    return to_rate(refuse_unusable(ordered))


def _in_order(recording: Recording, allow_missing_leads: bool) -> Recording:
    if allow_missing_leads:
        recording = without_dead_chest_leads(recording)
    return standard_leads(recording, allow_missing=allow_missing_leads)
