import dataclasses
import json

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from cardiolens.configs import from_json, to_json
from cardiolens.errors import BadOption
from cardiolens.methods.method import MethodConfig
from cardiolens.methods.supervised import SupervisedConfig
from cardiolens.nn.ecg_model import EcgModel
from cardiolens.nn.pooling import AttentionPoolConfig
from cardiolens.tasks import Task, TaskKind

DISEASE = Task("cad", TaskKind.CLASSIFICATION, ("cad",), ("CAD",), ("",), "CAD")
VOLUMES = Task("volumes", TaskKind.REGRESSION, ("a_ml", "b_ml"), ("A", "B"), ("mL", "mL"), "volumes")
NAN = float("nan")


@pytest.fixture
def build(encoder, none):
    def build(*tasks, **settings):
        learned = dataclasses.replace(encoder, learn_positions=True)
        defaults = {"encoder": learned, "pooling": AttentionPoolConfig(heads=2), "augmentation": none}
        return SupervisedConfig(tasks, **defaults | settings).build(seed=0)

    return build


@pytest.fixture
def batch(make_batch):
    """Three columns: a disease and two volumes; the entries that are not known hold nonsense."""
    target = [[1.0, 120.0, 50.0], [0.0, 150.0, 999.0], [9.0, 999.0, 70.0], [1.0, 90.0, 999.0], [0.0, 999.0, 999.0]]
    known = [[True, True, True], [True, True, False], [False, False, True], [True, True, False], [True, False, False]]
    return make_batch(5, target=target, known=known)


def test_a_disease_is_learned_by_smoothed_cross_entropy_over_two_logits(build, batch):
    method = build(DISEASE, label_smoothing=0.2).eval()
    one = dataclasses.replace(batch, target=batch.target[:, :1], target_known=batch.target_known[:, :1])
    features = method.ecg_pool(method.ecg_encoder(one.ecg[:, :, :40]))
    seen = one.target_known[:, 0]
    expected = cross_entropy(method.heads["cad"](features)[seen], one.target[seen, 0].long(), label_smoothing=0.2)
    torch.testing.assert_close(method(one).loss, expected)


def test_volumes_are_learned_by_squared_error_of_known_standardised_values(build, batch):
    method = build(VOLUMES).eval()
    method.set_target_scale(np.array([100.0, 60.0]), np.array([20.0, 10.0]))
    two = dataclasses.replace(batch, target=batch.target[:, 1:], target_known=batch.target_known[:, 1:])
    output = method(two)
    errors = [
        (output.scores[i, k].item() - (two.target[i, k].item() - (100, 60)[k]) / (20, 10)[k]) ** 2
        for i in range(5)
        for k in range(2)
        if two.target_known[i, k]
    ]
    assert len(errors) == 5
    assert output.loss.item() == pytest.approx(np.mean(errors), rel=1e-5)


def test_unknown_targets_change_neither_loss_nor_gradient(build, batch):
    other = dataclasses.replace(batch, target=torch.where(batch.target_known, batch.target, 0.0))
    gradients = []
    for each in (batch, other):
        method = build(DISEASE, VOLUMES)
        method(each).loss.backward()
        gradients.append({name: p.grad for name, p in method.named_parameters() if p.grad is not None})
    assert len(gradients[0]) > 20
    assert all(torch.equal(gradients[0][name], gradients[1][name]) for name in gradients[0])


def test_a_task_without_any_known_target_adds_nothing(build, batch):
    method = build(DISEASE, VOLUMES)
    known = batch.target_known.clone()
    known[:, 1:] = False
    output = method(dataclasses.replace(batch, target_known=known))
    assert output.metrics["volumes_loss"] == 0
    torch.testing.assert_close(output.loss, output.metrics["cad_loss"] / 2)


def test_tasks_weigh_alike_unless_told_otherwise(build, batch):
    for weights, share in (({}, 0.5), ({"volumes": 3.0}, 0.75)):
        output = build(DISEASE, VOLUMES, task_weights=weights).eval()(batch)
        parts = output.metrics
        torch.testing.assert_close(output.loss, (1 - share) * parts["cad_loss"] + share * parts["volumes_loss"])


def test_scores_stand_in_the_order_of_the_columns(build, batch):
    method = build(VOLUMES, DISEASE).eval()
    assert method.config.columns == ("a_ml", "b_ml", "cad")
    scores = method.heads(method.ecg_pool(method.ecg_encoder(batch.ecg[:, :, :40])))
    order = torch.tensor([1, 2, 0])
    swapped = dataclasses.replace(batch, target=batch.target[:, order], target_known=batch.target_known[:, order])
    torch.testing.assert_close(method(swapped).scores, torch.cat([scores["volumes"], scores["cad"]], dim=1).detach())


def test_a_score_does_not_depend_on_the_batch(build, encoder, strong, batch):
    dropping = dataclasses.replace(encoder, drop_path=0.5)
    method = build(DISEASE, VOLUMES, encoder=dropping, augmentation=strong)
    alone = torch.cat([method(batch.rows(slice(i, i + 1))).scores for i in range(5)])
    torch.testing.assert_close(method(batch).scores, alone)


def test_the_scale_of_a_disease_is_left_alone_and_the_others_are_stored(build):
    method = build(DISEASE, VOLUMES)
    method.set_target_scale(np.array([0.07, 100.0, 60.0]), np.array([0.2, 20.0, 10.0]))
    state = method.state_dict()
    assert state["target_mean"].tolist() == [0, 100, 60]
    assert state["target_sd"].tolist() == [1, 20, 10]


@pytest.mark.parametrize(("mean", "sd"), [(1.0, 0.0), (NAN, 1.0), (1.0, NAN)])
def test_a_column_that_cannot_be_standardised_is_named(build, mean, sd):
    with pytest.raises(BadOption, match="b_ml: found mean"):
        build(VOLUMES).set_target_scale(np.array([1.0, mean]), np.array([1.0, sd]))


def test_the_learning_rate_falls_from_the_heads_to_the_embedding(build):
    groups = build(DISEASE, layer_decay=0.5).parameter_groups(0.1)
    assert {g.name.split("/")[0]: g.lr_scale for g in groups} == {
        "layer_0": 0.125,
        "layer_1": 0.25,
        "layer_2": 0.5,
        "layer_3": 1.0,
    }
    assert {g.lr_scale for g in build(DISEASE, layer_decay=1.0).parameter_groups(0.1)} == {1.0}


def test_every_weight_with_a_gradient_is_in_one_group(build, batch):
    method = build(DISEASE, VOLUMES)
    method(batch).loss.backward()
    grouped = [id(p) for g in method.parameter_groups(0.1) for p in g.params]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(p) for p in method.parameters() if p.grad is not None}


def test_validation_measures_each_task_and_their_mean(build):
    method = build(DISEASE, VOLUMES)
    scores = np.array([[2.0, 1.0, 5.0], [1.0, 2.0, 5.0], [0.0, 3.0, 5.0]], dtype=np.float32)
    target = np.array([[1.0, 10.0, 0.0], [0.0, 20.0, 0.0], [0.0, 30.0, 0.0]], dtype=np.float32)
    known = np.array([[True, True, False]] * 3)
    metrics = method.validation_metrics(scores, target, known)
    assert metrics == pytest.approx({"cad_auc": 1.0, "volumes_mean_r": 1.0, "mean_metric": 1.0})
    assert method.selects_by.metric in metrics
    assert method.selects_by.higher_is_better


def test_a_task_that_cannot_be_measured_is_left_out_of_the_mean(build):
    method = build(DISEASE, VOLUMES)
    scores = np.array([[2.0, 1.0, 2.0], [1.0, 2.0, 1.0]], dtype=np.float32)
    target = np.array([[0.0, 10.0, 1.0], [0.0, 20.0, 2.0]], dtype=np.float32)
    metrics = method.validation_metrics(scores, target, np.ones((2, 3), dtype=bool))
    assert np.isnan(metrics["cad_auc"])
    assert metrics["mean_metric"] == pytest.approx(0.0, abs=1e-6)


def test_a_model_that_diverged_never_has_a_mean(build):
    method = build(DISEASE, VOLUMES)
    scores = np.array([[2.0, NAN, 2.0], [1.0, NAN, 1.0]], dtype=np.float32)
    target = np.array([[1.0, 10.0, 1.0], [0.0, 20.0, 2.0]], dtype=np.float32)
    assert np.isnan(method.validation_metrics(scores, target, np.ones((2, 3), dtype=bool))["mean_metric"])


@pytest.mark.parametrize(("tasks", "weights"), [((), {}), ((DISEASE, DISEASE), {}), ((DISEASE,), {"dm": 1.0})])
def test_tasks_that_make_no_sense_are_refused(encoder, none, tasks, weights):
    with pytest.raises(BadOption, match="at least one task, each once"):
        SupervisedConfig(tasks, weights, encoder=encoder, augmentation=none)


def test_its_state_holds_the_model_that_a_bundle_needs(build, batch):
    method = build(DISEASE, VOLUMES).eval()
    model = EcgModel(method.config.model).eval()
    model.load_state_dict({k: v for k, v in method.state_dict().items() if not k.startswith("target_")})
    scores = model(batch.ecg[:, :, :40])
    torch.testing.assert_close(torch.cat([scores["cad"], scores["volumes"]], dim=1).detach(), method(batch).scores)


def test_voltage_reaches_the_scores_only_where_it_is_asked_for(build, batch):
    louder = dataclasses.replace(batch, ecg_scale=2 * batch.ecg_scale)
    plain = build(DISEASE, VOLUMES).eval()
    assert torch.equal(plain(batch).scores, plain(louder).scores)
    assert not any("scale_input" in name for name in plain.state_dict())
    reading = build(DISEASE, VOLUMES, scale_input=True).eval()
    assert torch.equal(reading(batch).scores, plain(batch).scores), "it starts as the paper's model"
    torch.nn.init.normal_(reading.scale_input.output.weight)
    assert not torch.allclose(reading(batch).scores, reading(louder).scores)


def test_every_weight_of_the_scale_input_is_trained_once_and_at_the_full_rate(build):
    groups = build(DISEASE, scale_input=True).parameter_groups(0.1)
    count = {id(parameter): group.lr_scale for group in groups for parameter in group.params}
    assert len(count) == sum(len(group.params) for group in groups)
    layer = build(DISEASE, scale_input=True)
    rates = {id(p): g.lr_scale for g in layer.parameter_groups(0.1) for p in g.params}
    assert {rates[id(parameter)] for parameter in layer.scale_input.parameters()} == {1.0}


def test_its_settings_survive_json(build):
    config = build(DISEASE, VOLUMES, task_weights={"cad": 2.0}).config
    assert from_json(MethodConfig, json.loads(json.dumps(to_json(config))), source="a test") == config


def test_it_learns_one_batch_by_heart(build, batch, losses_of_fitting):
    method = build(DISEASE, VOLUMES, label_smoothing=0.0)
    method.set_target_scale(np.array([0.0, 120.0, 60.0]), np.array([1.0, 25.0, 10.0]))
    losses = losses_of_fitting(method, batch, 60)
    assert losses[-1] < 0.05 * losses[0]
