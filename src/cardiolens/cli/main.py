"""The `cardiolens` command: verbs, and nothing that takes time to import before a verb is chosen."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cardiolens.atomic import write_atomically
from cardiolens.errors import CardiolensError, NoSpace
from cardiolens.progress import Progress

NOTICE = "Research use only: not a medical device."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb. 0: done; 1: some files of a batch were refused; 2: bad input, one line says which; 130: stopped."""
    arguments, settings = _parser().parse_known_args(argv)
    if settings and arguments.verb != "train":
        _fail(arguments.verb, f"unrecognized arguments: {' '.join(settings)}")
    arguments.settings = settings
    try:
        return arguments.run(arguments)
    except CardiolensError as error:
        print(f"cardiolens: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"cardiolens: {NoSpace(error.filename or 'output')}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("cardiolens: stopped; run the same command again to go on from here", file=sys.stderr)
        return 130


def _demo(arguments: argparse.Namespace) -> int:
    from cardiolens.study.demo import run_demo

    run_demo(arguments.out, subjects=arguments.subjects, seed=arguments.seed)
    return 0


def _prepare_synthetic(arguments: argparse.Namespace) -> int:
    from cardiolens.progress import terminal_progress

    chosen = [name for name in ("out", "files", "check") if getattr(arguments, name) is not None]
    if len(chosen) != 1:
        _fail("prepare synthetic", f"takes one of --out, --files and --check, found {' and '.join(chosen) or 'none'}")
    progress = terminal_progress()
    if arguments.check:
        return _check_synthetic(arguments, progress)
    if arguments.subjects is None:
        _fail("prepare synthetic", "needs --subjects")
    if arguments.files:
        from cardiolens.cohorts.release.folder import Layout, write_release

        folder = write_release(
            arguments.files, subjects=arguments.subjects, seed=arguments.seed, with_mri=not arguments.no_mri,
            layout=Layout(arguments.layout), progress=progress,
        )  # fmt: skip
        print(f"{arguments.subjects} synthetic subjects as files in {folder}. {NOTICE}")
        return 0
    from cardiolens.cohorts.balance import odd_splits, split_balance
    from cardiolens.cohorts.prepare_synthetic import prepare_synthetic

    cohort = prepare_synthetic(
        arguments.out, subjects=arguments.subjects, seed=arguments.seed, processes=arguments.processes, progress=progress,
        with_mri=not arguments.no_mri, with_volumes=arguments.volumes, with_cine=arguments.cine,
    )  # fmt: skip
    print(split_balance(cohort).to_string())
    for oddity in odd_splits(cohort):
        print(f"note: {oddity}")
    print(f"{len(cohort.subjects)} subjects in {arguments.out}. {cohort.manifest.num_refused} refused. {NOTICE}")
    return 0


def _check_synthetic(arguments: argparse.Namespace, progress: Progress) -> int:
    from cardiolens.study.checking.examples import find_examples
    from cardiolens.study.checking.page import check_synthetic, write_page

    subjects = 400 if arguments.subjects is None else arguments.subjects
    result = check_synthetic(subjects=subjects, seed=arguments.seed, progress=progress)
    page = write_page(arguments.check, result, find_examples(seed=arguments.seed))
    for finding in result.missed:
        print(f"missed: {finding.name}, {finding.among}: {finding.found}, published {finding.expected} {finding.allowed}")
    print(f"{len(result.findings) - len(result.missed)} of {len(result.findings)} hold; look at {page}. {NOTICE}")
    return 1 if result.missed else 0


def _train(arguments: argparse.Namespace) -> int:
    from cardiolens.recipes.selection import aimed_at, describe_recipes, select

    if arguments.list:
        print(describe_recipes())
        return 0
    from cardiolens.cohorts.store import Cohort
    from cardiolens.progress import terminal_progress
    from cardiolens.training.device import choose_device
    from cardiolens.training.train import train

    missing = [flag for flag, value in (("--cohort", arguments.cohort), ("--out", arguments.out)) if value is None]
    if arguments.recipe is None or missing:
        _fail("train", f"needs {' and '.join((['RECIPE'] if arguments.recipe is None else []) + missing)}")
    cohort = Cohort.open(arguments.cohort)
    config = select(arguments.recipe, arguments.settings)
    if arguments.target:
        config = aimed_at(config, cohort, arguments.target)
    from cardiolens.methods.supervised import SupervisedConfig
    from cardiolens.serving.bundling import bundle_run, cohort_in_words

    device = choose_device(arguments.device)
    run = train(config, cohort, arguments.out, start_from=arguments.start_from, device=device, progress=terminal_progress())
    print(f"done: {run.path}")
    if isinstance(config.method, SupervisedConfig):
        bundle = bundle_run(run, cohort, run.path / "bundle", name=config.name, training_data=cohort_in_words(cohort))
        print(f"bundle: {bundle.path}; try: cardiolens predict YOUR_ECG.xml --model {bundle.path}")
    return 0


def _predict(arguments: argparse.Namespace) -> int:
    from cardiolens.serving.answers import print_answers, write_csv, write_json
    from cardiolens.serving.predictor import Predictor, Refusal

    predictor = Predictor.from_pretrained(arguments.model)
    answers = predictor.predict_files(arguments.files)
    refusals = [answer for answer in answers if isinstance(answer, Refusal)]
    for refusal in refusals:
        print(f"cardiolens: {refusal.reason}", file=sys.stderr)
    if arguments.csv:
        write_csv(arguments.csv, answers)
        print(f"{len(answers)} rows in {arguments.csv}; {len(refusals)} refused. {predictor.notice}", file=sys.stderr)
    elif arguments.json:
        write_json(sys.stdout, answers)
    else:
        print_answers(answers)
    if refusals and len(answers) == 1:
        return 2
    return 1 if refusals else 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from cardiolens.cohorts.store import Cohort
    from cardiolens.evaluation.rendering import as_text
    from cardiolens.evaluation.tables import evaluation_table
    from cardiolens.progress import terminal_progress
    from cardiolens.serving.evaluate import evaluate_bundle
    from cardiolens.training.device import choose_device

    cohort = Cohort.open(arguments.cohort)
    metrics = evaluate_bundle(
        arguments.model,
        cohort,
        split=arguments.split,
        device=choose_device(arguments.device),
        progress=terminal_progress(),
    )
    if arguments.csv:
        write_atomically(arguments.csv, metrics.to_csv(index=False).encode())
        print(f"{len(metrics)} rows in {arguments.csv}", file=sys.stderr)
    print(as_text(evaluation_table(metrics, split=arguments.split)))
    print(NOTICE)
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from cardiolens.study.demo import write_demo_report

    print(write_demo_report(arguments.study, arguments.out or arguments.study))
    return 0


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> None:
        _fail(self.prog.removeprefix("cardiolens").strip() or "VERB", message)


def _fail(verb: str, message: str) -> None:
    print(f"cardiolens: {verb}: {message}; see `cardiolens {'' if verb == 'VERB' else verb + ' '}--help`", file=sys.stderr)
    raise SystemExit(2)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="cardiolens",
        description="What a cardiac MRI would show, from a 12-lead ECG.",
        epilog=f"First time here: cardiolens demo\n{NOTICE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=_Parser)

    demo = _verb(
        verbs, "demo", _demo, "run the whole path on synthetic hearts and write a report", "cardiolens demo --out out/demo"
    )
    demo.add_argument("--out", type=Path, default=Path("out/demo"), help="folder for the cohort, runs and report")
    demo.add_argument("--subjects", type=int, default=600, help="synthetic subjects (default 600)")
    demo.add_argument("--seed", type=int, default=0, help="seed of cohort and training (default 0)")

    prepare = verbs.add_parser("prepare", help="make a cohort on disk", description="Make a cohort on disk.")
    sources = prepare.add_subparsers(dest="source", metavar="SOURCE", required=True, parser_class=_Parser)
    synthetic = _verb(
        sources,
        "synthetic",
        _prepare_synthetic,
        "synthetic subjects: one heart behind each ECG and MRI",
        "cardiolens prepare synthetic --subjects 3000 --seed 1 --out cohorts/synthetic-3000\n"
        "  cardiolens prepare synthetic --subjects 20 --files release       # as files, laid out as UK Biobank's\n"
        "  cardiolens prepare synthetic --check                             # how near published people they are",
    )
    synthetic.add_argument("--subjects", type=int, help="how many (with --check 400 by default)")
    synthetic.add_argument("--seed", type=int, default=0, help="subject k of a seed is always the same (default 0)")
    synthetic.add_argument("--out", type=Path, metavar="COHORT", help="a cohort's folder; an interrupted one is completed")
    synthetic.add_argument("--no-mri", action="store_true", help="ECG and labels only")
    synthetic.add_argument("--volumes", action="store_true", help="also stacks at end-diastole and end-systole")
    synthetic.add_argument("--cine", action="store_true", help="also the cine of the middle slice")
    synthetic.add_argument("--processes", type=int, default=2, help="worker processes (default 2)")
    synthetic.add_argument("--files", type=Path, metavar="DIR", help="write CardioSoft XML, DICOM and tables instead")
    synthetic.add_argument("--layout", choices=("nested", "flat"), default="nested", help="folders of --files")
    synthetic.add_argument(
        "--check", type=Path, nargs="?", const=Path("synthetic_check.html"), metavar="PAGE",
        help="compare with published people, on a page (default synthetic_check.html); status 1 where a range is missed",
    )  # fmt: skip

    train = _verb(
        verbs,
        "train",
        _train,
        "run a recipe on a cohort: pre-training or fine-tuning",
        "cardiolens train demo.mdm --cohort cohorts/mine --out runs/mdm --training.epochs 40\n"
        "  cardiolens train demo.finetune --target my_column --start-from runs/mdm --cohort cohorts/mine --out runs/mine",
    )
    train.add_argument("recipe", nargs="?", help="a name from --list")
    train.add_argument("--list", action="store_true", help="show the recipes and their settings")
    train.add_argument("--cohort", type=Path, help="a cohort made by `prepare`")
    train.add_argument("--out", type=Path, help="the run's folder; an interrupted run goes on from its last checkpoint")
    train.add_argument("--start-from", type=Path, help="a run or a bundle whose encoders to start from")
    train.add_argument("--target", nargs="+", metavar="COLUMN", help="fine-tune on these label columns of the cohort")
    train.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 ... (default: the GPU where there is one)")

    predict = _verb(
        verbs,
        "predict",
        _predict,
        "risks and MRI phenotypes from ECG files",
        "cardiolens predict ecg.xml\n  cardiolens predict records/*.hea --csv out.csv",
    )
    predict.add_argument("files", nargs="+", type=Path, metavar="FILE", help="WFDB header (.hea) or CardioSoft XML")
    predict.add_argument("--model", type=Path, help="a bundle (default: the one that ships, trained on synthetic hearts)")
    output = predict.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="one JSON object per line")
    output.add_argument("--csv", type=Path, metavar="OUT", help="write one row per file")

    evaluate = _verb(
        verbs,
        "evaluate",
        _evaluate,
        "a bundle's metrics on a cohort",
        "cardiolens evaluate --model runs/mine/bundle --cohort cohorts/mine",
    )
    evaluate.add_argument("--model", type=Path, help="a bundle (default: the one that ships)")
    evaluate.add_argument("--cohort", type=Path, required=True, help="a cohort made by `prepare`")
    evaluate.add_argument("--split", default="test", help="train, select, calibrate, validation, test or all (default test)")
    evaluate.add_argument("--device", default="auto", help="cpu, cuda, cuda:1 ... (default: the GPU where there is one)")
    evaluate.add_argument("--csv", type=Path, metavar="OUT", help="write the table here too")

    report = _verb(verbs, "report", _report, "write a study's report again from its files", "cardiolens report out/demo")
    report.add_argument("study", type=Path, help="the folder that `demo` wrote")
    report.add_argument("--out", type=Path, help="where to write (default: the same folder)")
    return parser


def _verb(
    verbs: argparse._SubParsersAction, name: str, run: Callable[[argparse.Namespace], int], summary: str, examples: str
) -> argparse.ArgumentParser:
    parser = verbs.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"examples:\n  {examples}\n{NOTICE}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(run=run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
