"""What published people look like, and how near synthetic ones must come: values, sources and tolerances in one place.

Fixed before the generator was tuned, and not moved afterwards: what misses its range is reported as missing it.

Rules. A mean over 400 rendered subjects lies within `MEAN_TOLERANCE_SD` of the published standard deviation. A standard
deviation over 20,000 latent draws agrees within its `spread_margin` (for another population and another method) plus
`STANDARD_ERRORS` of its own standard errors. A prevalence agrees within `STANDARD_ERRORS`. A correlation lies in its
band, widened by one standard error of the number of subjects it was measured on.

Rows whose source is `DEFAULT` are customary values without a citation: the generator aims at them and the check shows
whether it gets there, but agreement with them is no evidence of realism.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MEAN_TOLERANCE_SD = 0.25
STANDARD_ERRORS = 3.0

REFERENCE_RANGES = "Petersen 2017, JCMR 19:18, abstract; 804 healthy UK Biobank participants"
RISK_FACTORS = "Petersen 2017, PLoS ONE 12:e0185114; 4,651 UK Biobank participants without cardiovascular disease"
MESA_WALL = "Kawel 2012, Circ Cardiovasc Imaging 5:500; MESA, n 300"
BIOBANK_STRAIN = "UK Biobank, automatic analysis, n 38,319 (Open Heart 2023, scoliosis study)"
WOMENS_ECG = "White women of the Women's Health Initiative, PMC3825808"
MASON = "Mason 2007, J Electrocardiol 40:228; 46,129 healthy volunteers, 2nd and 98th percentile"
FRONTAL_AXIS = "CT study, bjcardio 2015.016, n 59: 51 ± 26 degrees, shifted by age and weight"
TURGUT = "Turgut 2023, arXiv 2308.05764; 40,044 UK Biobank participants"
NORMAL_BEATS = "PTB-XL, median beats of about 300 recordings labelled normal (CC BY 4.0)"
ALL_BEATS = "PTB-XL, 2,100 recordings of all diagnoses (CC BY 4.0)"
ACDC = "ACDC (Bernard 2018, IEEE TMI 37:2514), masks of up to 20 patients per group"
ACDC_SIGNAL = "80 end-diastolic ACDC stacks: 5th and 95th percentile"
DEFAULT = "generator default"


class Sex(StrEnum):
    """Of whom a value holds."""

    BOTH = "both"
    WOMEN = "women"
    MEN = "men"


class Among(StrEnum):
    """Which synthetic subjects a value is compared with."""

    EVERYONE = "everyone"
    UNDIAGNOSED = "nobody with one of the diseases"
    SINUS = "nobody with one of the diseases, a bundle branch block or an atrial rhythm"


@dataclass(frozen=True)
class PublishedMean:
    """Mean and standard deviation of one quantity; `column` names it among the check's measurements."""

    column: str
    name: str
    unit: str
    sex: Sex
    mean: float
    sd: float
    source: str
    among: Among = Among.UNDIAGNOSED
    spread_margin: float | None = None
    """Largest relative deviation of the standard deviation; None where it is only shown."""

    @property
    def tolerance(self) -> float:
        """Largest deviation of the mean, in the quantity's unit."""
        return MEAN_TOLERANCE_SD * self.sd


@dataclass(frozen=True)
class PublishedBand:
    """A number that must lie in a band. `key` names it among the check's measurements."""

    key: str
    name: str
    low: float
    high: float
    source: str
    unit: str = ""


def _by_sex(
    column: str, name: str, unit: str, women: tuple[float, float], men: tuple[float, float], source: str,
    *, among: Among = Among.UNDIAGNOSED, spread_margin: float | None = 0.25,
) -> tuple[PublishedMean, PublishedMean]:  # fmt: skip
    return (
        PublishedMean(column, name, unit, Sex.WOMEN, *women, source, among, spread_margin),
        PublishedMean(column, name, unit, Sex.MEN, *men, source, among, spread_margin),
    )


BODIES = (
    *_by_sex("age_years", "age", "y", (61.0, 7.5), (62.0, 7.5), RISK_FACTORS, spread_margin=0.15),
    *_by_sex("height_cm", "height", "cm", (163.0, 6.0), (176.0, 7.0), RISK_FACTORS, spread_margin=0.15),
    *_by_sex("bmi", "body mass index", "kg/m²", (26.2, 4.6), (27.1, 3.9), RISK_FACTORS, spread_margin=0.15),
    *_by_sex("systolic_bp_mmhg", "systolic pressure", "mmHg", (133.0, 19.0), (141.0, 16.0), RISK_FACTORS, spread_margin=0.15),
    *_by_sex("diastolic_bp_mmhg", "diastolic pressure", "mmHg", (77.0, 10.0), (81.0, 10.0), RISK_FACTORS, spread_margin=0.15),
)
HEARTS = (
    *_by_sex("lvef_percent", "LV ejection fraction", "%", (61.0, 5.0), (58.0, 5.0), REFERENCE_RANGES),
    *_by_sex("lvm_index_g_per_m2", "LV mass per body surface", "g/m²", (42.0, 7.0), (53.0, 9.0), REFERENCE_RANGES),
    *_by_sex("lvedv_ml", "LV end-diastolic volume", "mL", (124.0, 21.0), (166.0, 32.0), DEFAULT),
    *_by_sex("lvsv_ml", "LV stroke volume", "mL", (75.0, 14.0), (96.0, 20.0), DEFAULT),
    *_by_sex("rvedv_ml", "RV end-diastolic volume", "mL", (130.0, 24.0), (182.0, 36.0), DEFAULT),
    *_by_sex("la_volume_ml", "left atrial maximal volume", "mL", (62.0, 17.0), (73.0, 20.0), DEFAULT),
    *_by_sex("mid_wall_mm", "mid-ventricular wall thickness", "mm", (5.3, 0.9), (6.3, 1.1), MESA_WALL),
    PublishedMean(
        "ecc_global_percent", "circumferential strain", "%", Sex.BOTH, -22.33, 3.35, BIOBANK_STRAIN, Among.EVERYONE, 0.25
    ),
    PublishedMean("err_global_percent", "radial strain", "%", Sex.BOTH, 45.0, 8.31, BIOBANK_STRAIN, Among.EVERYONE, 0.25),
)
ECG_INTERVALS = (
    *_by_sex("heart_rate_bpm", "heart rate", "/min", (66.0, 9.2), (63.0, 9.2), WOMENS_ECG + "; men: " + DEFAULT),
    *_by_sex("pr_ms", "PR", "ms", (157.0, 23.0), (163.0, 23.0), WOMENS_ECG + "; men: " + DEFAULT,
             among=Among.SINUS, spread_margin=None),
    *_by_sex("qrs_ms", "QRS", "ms", (85.0, 8.0), (93.0, 9.0), WOMENS_ECG + "; men: " + DEFAULT,
             among=Among.SINUS, spread_margin=None),
    PublishedMean("qtc_ms", "QT corrected by Bazett", "ms", Sex.BOTH, 409.0, 23.4, MASON, Among.SINUS),
    PublishedMean("axis_degrees", "frontal axis", "°", Sex.BOTH, 45.0, 28.0, FRONTAL_AXIS, Among.SINUS),
)  # fmt: skip
VOLTAGES = (PublishedMean("sokolow_mv", "Sokolow-Lyon voltage", "mV", Sex.BOTH, 2.12, 0.57, NORMAL_BEATS, Among.SINUS),)
MEANS = (*BODIES, *HEARTS, *ECG_INTERVALS, *VOLTAGES)

PREVALENCES = {"cad": (0.0722, TURGUT), "af": (0.0298, TURGUT), "dm": (0.0446, TURGUT)}
"""Share of the cohort, with its source; the other diseases are compared with `risk.PREVALENCE`, where their sources are."""
AF_WHILE_RECORDED = PublishedBand("af_recorded_share", "people with AF who are in it while recorded", 0.2, 0.2, DEFAULT)

# Measured on latents, without signal or picture.
LATENT_BANDS = (
    PublishedBand("auc_cad", "oracle AUC of CAD", 0.60, 0.85, DEFAULT),
    PublishedBand("auc_dm", "oracle AUC of DM", 0.60, 0.85, DEFAULT),
    PublishedBand("auc_af", "oracle AUC of AF", 0.60, 0.90, DEFAULT),
    PublishedBand("mass_r2", "share of LV mass that covariates explain", 0.50, 0.75, RISK_FACTORS + ": 0.655"),
    PublishedBand("mass_per_bmi", "LV mass per SD of BMI", 5.8, 10.8, RISK_FACTORS + ": +8.3 %", "%"),
    PublishedBand("mass_per_sbp", "LV mass per SD of systolic pressure", 4.3, 9.3, RISK_FACTORS + ": +6.8 %", "%"),
    PublishedBand("edv_per_bmi", "LVEDV per SD of BMI", 2.3, 7.3, RISK_FACTORS + ": +4.8 %", "%"),
    PublishedBand("edv_per_sbp", "LVEDV per SD of systolic pressure", 2.0, 7.0, RISK_FACTORS + ": +4.5 %", "%"),
    PublishedBand("rv_edv_per_bmi", "RVEDV per SD of BMI", 2.8, 7.8, RISK_FACTORS + ": +5.3 %", "%"),
    PublishedBand("la_per_bmi", "left atrial volume per SD of BMI", 6.1, 11.1, RISK_FACTORS + ": +8.6 %", "%"),
    PublishedBand("r_age_ef", "r of age with LV ejection fraction", -0.15, 0.15, REFERENCE_RANGES + ": static"),
    PublishedBand("r_age_edv", "r of age with LVEDV, sexes apart", -0.40, 0.0, REFERENCE_RANGES + ": falls"),
)
# Measured on rendered recordings.
CORRELATION_BANDS = (
    PublishedBand("r_sokolow_mass", "Sokolow-Lyon voltage with LV mass", 0.20, 0.45, DEFAULT),
    PublishedBand("r_cornell_mass", "Cornell voltage with LV mass", 0.30, 0.45, DEFAULT),
    PublishedBand("r_qrs_edv", "QRS duration with LVEDV", 0.10, 0.35, "PMC4051227, n 166: mass 0.32, length 0.35"),
    PublishedBand("r_bmi_sokolow", "BMI with Sokolow-Lyon voltage", -0.40, -0.05, "sign: PMC4750022; size: " + DEFAULT),
)
MEAN_WALL = PublishedBand("mean_wall_mm", "mean wall thickness", 5.0, 7.0, BIOBANK_STRAIN + "; " + MESA_WALL, "mm")
ECG_BANDS = (
    PublishedBand("qrs_men_minus_women", "QRS, men minus women", 4.0, 12.0, DEFAULT, "ms"),
    PublishedBand("qtc_men_minus_women", "QTc, men minus women", -20.0, -3.0, DEFAULT, "ms"),
    PublishedBand("sokolow_per_decade", "Sokolow-Lyon voltage per decade of age", -9.0, -1.0, DEFAULT, "%"),
    PublishedBand("p_ii_mv", "median P wave in II", 0.05, 0.15, DEFAULT, "mV"),
    PublishedBand("heart_rate_within", "heart rates within 48-98 /min", 0.90, 1.0, MASON),
    PublishedBand("pr_within", "PR within 113-212 ms", 0.90, 1.0, MASON),
    PublishedBand("qrs_within", "QRS within 69-109 ms", 0.90, 1.0, MASON),
    PublishedBand("qtc_within", "QTc within 361-457 ms", 0.90, 1.0, MASON),
    PublishedBand("axis_within", "frontal axis within -40 to 91 degrees", 0.90, 1.0, MASON),
    PublishedBand("amplitudes_within", "median amplitudes in the middle half of normal recordings", 0.80, 1.0, NORMAL_BEATS),
    PublishedBand("amplitude_profile_r", "r of 33 median amplitudes with all diagnoses", 0.90, 1.0, ALL_BEATS),
)
MRI_BANDS = (
    PublishedBand("wall_to_blood", "signal of the wall over that of LV blood, median", 0.26, 0.55, ACDC_SIGNAL),
    PublishedBand("rv_to_blood", "signal of RV blood over that of LV blood, median", 0.63, 0.99, ACDC_SIGNAL),
)
"""Measured on the end-diastolic picture of rendered subjects."""
MASON_RANGES = {
    "heart_rate_bpm": (48.0, 98.0), "pr_ms": (113.0, 212.0), "qrs_ms": (69.0, 109.0), "qtc_ms": (361.0, 457.0),
    "axis_degrees": (-40.0, 91.0),
}  # fmt: skip

WAVES = ("R", "S", "T")
NORMAL_AMPLITUDES_MV = {
    "I": (0.67, -0.08, 0.23), "II": (0.86, -0.08, 0.29), "III": (0.32, -0.14, 0.08), "aVR": (0.06, -0.77, None),
    "aVL": (0.27, -0.11, 0.09), "aVF": (0.55, -0.09, 0.17), "V1": (0.17, -0.84, 0.06), "V2": (0.47, -1.25, 0.48),
    "V3": (0.84, -0.69, 0.49), "V4": (1.24, -0.36, 0.42), "V5": (1.30, -0.16, 0.35), "V6": (1.11, -0.08, 0.27),
}  # fmt: skip
"""Median R, lowest point of the QRS (S) and largest T of recordings labelled normal; T of aVR was not measured."""
ALL_AMPLITUDES_MV = {
    "I": ((0.5063, 0.2621), (-0.1016, 0.0905), (0.0875, 0.1064)),
    "II": ((0.4406, 0.2739), (-0.1277, 0.1606), (0.1228, 0.1104)),
    "III": ((0.1284, 0.2250), (-0.1303, 0.3238), (0.0370, 0.0879)),
    "aVR": ((0.0949, 0.0775), (-0.2482, 0.2469), (0.0618, 0.0415)),
    "aVL": ((0.3346, 0.2868), (-0.0840, 0.1178), (0.0279, 0.0734)),
    "aVF": ((0.2144, 0.2431), (-0.1078, 0.2247), (0.0626, 0.0892)),
    "V1": ((0.0904, 0.1556), (-0.6139, 0.3978), (0.0828, 0.1172)),
    "V2": ((0.2104, 0.2500), (-0.8724, 0.5979), (0.3075, 0.2429)),
    "V3": ((0.4422, 0.3850), (-0.6714, 0.5647), (0.2987, 0.2459)),
    "V4": ((0.7912, 0.4934), (-0.3911, 0.3743), (0.2280, 0.2033)),
    "V5": ((0.8460, 0.4655), (-0.2035, 0.2179), (0.1597, 0.1601)),
    "V6": ((0.6926, 0.3657), (-0.1191, 0.1376), (0.1081, 0.1211)),
}  # fmt: skip
"""Median and standard deviation of R, S and T over all diagnoses. Amplitudes lie about 30 % below `NORMAL_AMPLITUDES_MV`,
by illness and by another processing chain, so only their proportions are compared."""
ALL_TO_NORMAL = 2.12 / 1.611
"""Mean Sokolow-Lyon voltage of normal recordings over that of all: scales the spread of `ALL_AMPLITUDES_MV`."""
MIDDLE_HALF_SD = 0.674

ACDC_GROUPS = {
    "NOR": {"lvef_percent": (60.3, 5.1), "rvef_percent": (55.1, 8.2), "lvedv_ml": (137.9, 21.4), "lvesv_ml": (54.3, 13.3),
            "lvm_g": (112.5, 20.7), "rvedv_ml": (166.7, 24.8)},
    "DCM": {"lvef_percent": (18.5, 6.7), "rvef_percent": (31.8, 17.8), "lvedv_ml": (284.6, 47.8), "lvesv_ml": (233.1, 49.0),
            "lvm_g": (170.2, 32.2), "rvedv_ml": (178.1, 67.4)},
    "HCM": {"lvef_percent": (67.4, 8.9), "rvef_percent": (59.8, 11.2), "lvedv_ml": (129.6, 38.1), "lvesv_ml": (39.4, 16.8),
            "lvm_g": (182.3, 53.0), "rvedv_ml": (118.0, 38.9)},
    "MINF": {"lvef_percent": (31.0, 8.1), "rvef_percent": (55.5, 10.5)},
}  # fmt: skip
"""Mean and standard deviation over at least ten patients each. ACDC's patients are far sicker than a population's."""
ACDC_SIGNS = (
    ("DCM", "lvef_percent"), ("DCM", "lvedv_ml"), ("DCM", "lvesv_ml"), ("DCM", "lvm_g"),
    ("HCM", "lvm_g"), ("HCM", "lvef_percent"), ("MINF", "lvef_percent"),
)  # fmt: skip
"""Where synthetic hearts with that disease must differ from the others in ACDC's direction, by at least
`ACDC_LEAST_SD` standard deviations of the others."""
ACDC_LEAST_SD = 0.5
ACDC_EXTENT = 0.5
"""From this extent of dilation, hypertrophy or scar on a synthetic heart counts as one of ACDC's kind."""
