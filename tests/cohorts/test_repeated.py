from dataclasses import replace

import numpy as np

from cardiolens.cohorts.repeated import repeated_ecgs


def test_a_recording_under_two_names_is_found_and_two_visits_of_one_subject_are_not(tiny_cohort):
    assert not repeated_ecgs(tiny_cohort).any()
    ecg = np.array(tiny_cohort.ecg)
    ecg[7] = ecg[2]
    assert np.flatnonzero(repeated_ecgs(replace(tiny_cohort, ecg=ecg))).tolist() == [2, 7]
    same = tiny_cohort.subjects.copy()
    same.loc[same.index[7], "subject"] = same["subject"].iloc[2]
    assert not repeated_ecgs(replace(tiny_cohort, ecg=ecg, subjects=same)).any()
