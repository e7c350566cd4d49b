"""The command as a test runs it, in this process."""

from cardiolens.cli import main


def run(capsys, *argv) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    try:
        status = main([str(part) for part in argv])
    except SystemExit as stop:
        status = stop.code
    shown = capsys.readouterr()
    return status, shown.out, shown.err
