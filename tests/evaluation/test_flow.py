from cardiolens.evaluation.flow import FlowStep, flow_figure, flow_table

STEPS = (
    FlowStep("files found", 1200),
    FlowStep("ECGs that could be used", 1150, {"a flat line in a lead": 30, "shorter than ten seconds": 20}),
    FlowStep("subjects asked about", 170, note="of the test split", follows=False),
)


def test_every_exclusion_stands_in_the_table_with_its_count():
    table = flow_table(STEPS)
    assert table.numbers["remaining"].dropna().tolist() == [1200, 1150, 170]
    left = table.numbers.dropna(subset="excluded").set_index("what")["excluded"].to_dict()
    assert left == {"a flat line in a lead": 30, "shorter than ten seconds": 20}
    assert 1200 - sum(left.values()) == 1150


def test_the_picture_is_drawn():
    assert flow_figure(STEPS).startswith(b"\x89PNG")
