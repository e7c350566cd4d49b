"""`prepare`: cohorts on disk, from synthetic hearts, UK Biobank, any archive, or the published code's tensors."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cardiolens.cli.verbs import add_verb, fail
from cardiolens.notice import NOTICE

if TYPE_CHECKING:
    from cardiolens.cohorts.labels.choices import LabelChoices
    from cardiolens.cohorts.store import Cohort
    from cardiolens.parallel import Workers
    from cardiolens.serving.cohort_mri import CohortMri


def add_sources(sources: argparse._SubParsersAction) -> None:
    """`prepare ukb`, `prepare folder` and `prepare tensors`."""
    ukb = add_verb(
        sources, "ukb", _prepare_ukb, "a cohort from UK Biobank's bulk files and main table",
        "cardiolens prepare ukb --ecg Bulk/Electrocardiogram --cmr 'Bulk/Heart MRI' --table main.csv \\\n"
        "    --withdrawn w12345_20230101.csv --censor England=2022-10-31 --out cohorts/ukb --processes 16\n"
        "  cardiolens prepare ukb --ecg ecg/ --table main.parquet --phenotypes ukb --out cohorts/ecg-only\n"
        "  cardiolens prepare ukb ... --disease stroke=I63,I64 --horizon 10 --scheduler tcp://node1:8786",
    )  # fmt: skip
    ukb.add_argument("--ecg", type=Path, required=True, metavar="DIR", help="20205 XML in folders, or a list of paths")
    ukb.add_argument("--cmr", type=Path, metavar="DIR", help="20209 zips in folders, or a list of paths")
    ukb.add_argument("--table", type=Path, required=True, nargs="+", metavar="FILE", help="main table: CSV or Parquet")
    ukb.add_argument("--withdrawn", type=Path, metavar="FILE", help="people who withdrew, one number per line")
    ukb.add_argument("--without", type=int, nargs="+", default=[], metavar="FIELD", help="needed fields that the table lacks")
    ukb.add_argument(
        "--phenotypes", default="ukb,own,table", metavar="ORDER",
        help="where each phenotype comes from, the first that has it: own (measured here), ukb (24100-24174), table",
    )  # fmt: skip
    ukb.add_argument("--phenotype-table", type=Path, metavar="FILE", help="your own phenotypes: eid, instance, lvedv_ml ...")
    _add_mri(ukb, masks="folder of NIfTI masks such as 1000000_2_label_sa.nii.gz, instead of the segmenter")
    _add_labels(ukb)
    ukb.add_argument(
        "--censor", action="append", default=[], metavar="DAY",
        help="last day of hospital records, 2022-10-31 or Scotland=2022-08-31 (default: the last day recorded)",
    )  # fmt: skip
    _add_common(ukb)

    folder = add_verb(
        sources, "folder", _prepare_folder, "a cohort from any archive, by a manifest",
        "cardiolens prepare folder --manifest visits.csv --out cohorts/hospital\n"
        "  (visits.csv: columns subject and ecg; if you have them mri, masks, visit, day, icd10, icd10_days; every other\n"
        "  column of numbers is a covariate or a label, under its own name)",
    )  # fmt: skip
    folder.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="CSV or Parquet, one row per visit")
    folder.add_argument("--withdrawn", type=Path, metavar="FILE", help="people who withdrew, one per line")
    folder.add_argument("--rate", type=float, metavar="HZ", help="sampling rate of files that do not say it")
    folder.add_argument("--unit", metavar="UNIT", help="unit of files that do not say it: V, mV, uV or nV")
    folder.add_argument("--lead-names", metavar="NAMES", help="leads of files without names, in order: I,II,III,aVR,...")
    _add_mri(folder, masks=None)
    _add_labels(folder)
    _add_common(folder)

    tensors = add_verb(
        sources, "tensors", _prepare_tensors, "a cohort from the published code's .pt files, or the other way round",
        "cardiolens prepare tensors data_base/ --out cohorts/published --published-window\n"
        "  cardiolens prepare tensors cohorts/ukb --out data_base --export",
    )  # fmt: skip
    tensors.add_argument("source_folder", type=Path, metavar="DIR", help="a folder of .pt files; with --export a cohort")
    tensors.add_argument("--out", type=Path, required=True, metavar="DIR", help="new, or interrupted and to be completed")
    tensors.add_argument("--export", action="store_true", help="write the published code's files from a cohort")
    tensors.add_argument(
        "--published-window", action="store_true",
        help="pictures show the whole chest, as the published ones do: cut out the heart (with --export: fill that window)",
    )  # fmt: skip
    tensors.add_argument("--processes", type=int, default=1, help="worker processes (default 1, which is as fast)")


def _add_mri(parser: argparse.ArgumentParser, *, masks: str | None) -> None:
    group = parser.add_argument_group("MRI")
    if masks:
        group.add_argument("--masks", type=Path, metavar="DIR", help=masks)
    group.add_argument("--label-map", metavar="MAP", help="numbers in masks: ukbb, acdc, or lv=3,myocardium=2,rv=1")
    group.add_argument("--segmenter", type=Path, metavar="DIR", help="another segmenter than the one that ships")
    group.add_argument("--strain", action="store_true", help="measure strain too: three times as long")
    group.add_argument("--volumes", action="store_true", help="also keep the stacks at end-diastole and end-systole")
    group.add_argument("--cine", action="store_true", help="also keep the cine of the middle slice")


def _add_labels(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("labels")
    group.add_argument("--code-set", default="customary", metavar="SET", help="customary, or alvarez_florez (as published)")
    group.add_argument("--disease", action="append", default=[], metavar="NAME=CODES", help="one more, such as stroke=I63,I64")
    group.add_argument("--horizon", type=float, default=5.0, metavar="YEARS", help="new cases within so many years (default 5)")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, required=True, metavar="COHORT", help="new, or interrupted and to be completed")
    parser.add_argument(
        "--key", type=Path, metavar="FILE",
        help="the only file with participants' numbers, made on first use (default: COHORT.participants.json beside it)",
    )  # fmt: skip
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="worker processes (default: one per core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster instead, as tcp://node1:8786")


def _prepare_ukb(arguments: argparse.Namespace) -> int:
    from cardiolens.cohorts.phenotype_sources import parse_order
    from cardiolens.cohorts.ukb.labelling import parse_censoring
    from cardiolens.cohorts.ukb.prepare import prepare_ukb
    from cardiolens.cohorts.ukb.visits import UkbChoices, UkbSources

    if arguments.masks is not None and arguments.label_map is None:
        fail("prepare ukb", "--masks needs --label-map: which number is the left cavity is never guessed")
    mri = _mri(arguments) if arguments.cmr else None
    sources = UkbSources(
        arguments.ecg, tuple(arguments.table), arguments.cmr, arguments.withdrawn, arguments.masks, arguments.phenotype_table
    )
    choices = UkbChoices(
        parse_order(arguments.phenotypes),
        mri.measures if mri else (),
        _label_choices(arguments),
        parse_censoring(arguments.censor),
        frozenset(arguments.without),
    )
    return _run(
        arguments,
        lambda key, options: prepare_ukb(
            arguments.out,
            sources,
            key_file=key,
            choices=choices,
            read_mri=mri,
            mri_rules=mri.describe() if mri else None,
            **options,
        ),
    )


def _prepare_folder(arguments: argparse.Namespace) -> int:
    from cardiolens.cohorts.archive.prepare import prepare_archive
    from cardiolens.formats.declaration import Declaration

    mri = _mri(arguments)
    names = tuple(name.strip() for name in (arguments.lead_names or "").split(",") if name.strip())
    return _run(
        arguments,
        lambda key, options: prepare_archive(
            arguments.out,
            arguments.manifest,
            key_file=key,
            withdrawn=arguments.withdrawn,
            labels=_label_choices(arguments),
            declared=Declaration(rate_hz=arguments.rate, unit=arguments.unit, leads=names),
            read_mri=mri,
            own_phenotypes=mri.measures,
            mri_rules=mri.describe(),
            **options,
        ),
    )


def _prepare_tensors(arguments: argparse.Namespace) -> int:
    from cardiolens.cohorts.tensors.export_tensors import export_tensors
    from cardiolens.cohorts.tensors.prepare_tensors import prepare_tensors
    from cardiolens.parallel import Workers
    from cardiolens.progress import terminal_progress

    source, out, window, progress = arguments.source_folder, arguments.out, arguments.published_window, terminal_progress()
    if arguments.processes < 1:
        fail("prepare tensors", f"--processes takes 1 or more, found {arguments.processes}")
    if arguments.export:
        from cardiolens.cohorts.store import Cohort

        folder = export_tensors(Cohort.open(source), out, published_window=window, progress=progress)
        print(f"the published code's files in {folder}; README.txt there says what each is. {NOTICE}")
        return 0
    workers = Workers(arguments.processes)
    tell(prepare_tensors(source, out, published_window=window, workers=workers, progress=progress))
    return 0


def _run(arguments: argparse.Namespace, prepare: Callable[[Path, dict], Cohort]) -> int:
    from cardiolens.cohorts.participants import key_file_of
    from cardiolens.progress import terminal_progress

    if arguments.processes < 1:
        fail(f"prepare {arguments.source}", f"--processes takes 1 or more, found {arguments.processes}")
    out = arguments.out
    key = arguments.key or key_file_of(out)
    if key.resolve().is_relative_to(out.resolve()):
        fail(f"prepare {arguments.source}", "--key lies in the cohort's folder; keep it apart, it tells who is who")
    cohort = prepare(key, {"workers": _workers(arguments), "progress": terminal_progress()})
    tell(cohort)
    print(f"who is who: {key.name}; keep it apart from the cohort and never hand it on")
    return 0


def tell(cohort: Cohort) -> None:
    """Print where rows came from, how splits fell out and how many have which disease."""
    from cardiolens.cohorts.agreement import in_words
    from cardiolens.cohorts.balance import odd_splits, split_balance
    from cardiolens.cohorts.labels.counts import as_text, label_counts
    from cardiolens.cohorts.repeated import num_refused_as_repeated
    from cardiolens.cohorts.training_sets import EVERYBODY, binary_columns

    manifest = cohort.manifest
    for what, count in manifest.flow:
        print(f"{count:>9,}  {what}")
    print(f"{manifest.num_refused:>9,}  refused, {manifest.num_rows:,} rows kept; reasons and lost parts in refused.csv")
    if repeated := num_refused_as_repeated(cohort):
        print(
            f"note: {repeated:,} of the refused have, sample by sample, the ECG of another person, which is kept once; "
            "refused.csv says who: find out whose it is"
        )
    print(f"\n{split_balance(cohort).to_string()}\n")
    for line in in_words(manifest.phenotype_agreement):
        print(line)
    for oddity in odd_splits(cohort):
        print(f"note: {oddity}")
    for column, why in manifest.settings.source.get("left_out", {}).items():
        print(f"note: column {column} is left out: {why}")
    labels = binary_columns(cohort.subjects)
    print(as_text(label_counts(cohort.subjects, labels)))
    for name, sizes in manifest.training_sets.items():
        if name == EVERYBODY or name in labels:
            print(f"training set {name}: " + _in_order(sizes))
    print(f"{manifest.num_rows:,} rows of {manifest.num_subjects:,} subjects in {cohort.path}. {NOTICE}")


def _in_order(sizes: dict[str, int]) -> str:
    return ", ".join(f"{size:,} ({part})" for part, size in sorted(sizes.items(), key=lambda one: -one[1]))


def _workers(arguments: argparse.Namespace) -> Workers:
    from cardiolens.parallel import Workers

    return Workers(arguments.processes, arguments.scheduler)


def _mri(arguments: argparse.Namespace) -> CohortMri:
    from cardiolens.bundles.segmenter_files import shipped_segmenter_path
    from cardiolens.formats.cmr.label_map import parse_label_map
    from cardiolens.serving.cohort_mri import CohortMri

    return CohortMri(
        arguments.segmenter or shipped_segmenter_path(),
        parse_label_map(arguments.label_map) if arguments.label_map else None,
        strain=arguments.strain,
        volumes=arguments.volumes,
        cine=arguments.cine,
    )


def _label_choices(arguments: argparse.Namespace) -> LabelChoices:
    from cardiolens.cohorts.labels.choices import LabelChoices
    from cardiolens.cohorts.labels.code_sets import CODE_SETS, with_extra
    from cardiolens.cohorts.labels.codes import parse_disease
    from cardiolens.cohorts.labels.labels import LabelRules

    if arguments.code_set not in CODE_SETS:
        fail(f"prepare {arguments.source}", f"--code-set {arguments.code_set}; choose {' or '.join(CODE_SETS)}")
    chosen = CODE_SETS[arguments.code_set]
    for fault in chosen.faults:
        print(f"note: {chosen.name}: {fault}")
    return LabelChoices(with_extra(chosen, [parse_disease(text) for text in arguments.disease]), LabelRules(arguments.horizon))
