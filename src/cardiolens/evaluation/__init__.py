"""From Predictions to the paper: metrics with intervals, tables, figures and a report, as pure functions of files."""
