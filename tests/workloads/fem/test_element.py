"""The eight-node element by itself."""

from __future__ import annotations

import numpy as np
import pytest

from breakeven.workloads.fem.element import EDGES, NODES, STIFFNESS_RULE, TURNED, edge_shape, gauss, gradients, shape
from breakeven.workloads.fem.kernels import arrays, compiled, loop


def test_each_function_is_one_at_its_own_node_and_nothing_at_the_others() -> None:
    """Nodality: what a potential at a node means."""
    assert np.array_equal(shape(NODES), np.eye(8))


def test_gradients_are_those_of_the_functions() -> None:
    """Against central differences, at places that are nothing special."""
    places, step = np.random.default_rng(1).uniform(-1, 1, (20, 2)), 1e-6
    for axis in range(2):
        ahead, behind = places.copy(), places.copy()
        ahead[:, axis] += step
        behind[:, axis] -= step
        slope = (shape(ahead) - shape(behind)) / (2 * step)
        assert np.abs(gradients(places)[:, axis] - slope).max() < 1e-8


def test_the_functions_on_an_edge_are_those_of_the_edge() -> None:
    """So that loads on edges belong to the same potential."""
    at = np.array([-0.7, 0.1, 0.9])
    for first, middle, last in EDGES:
        ends = NODES[[first, last]]
        places = ends[0] + (at[:, None] + 1) / 2 * (ends[1] - ends[0])
        assert np.abs(shape(places)[:, [first, middle, last]] - edge_shape(at)[0]).max() < 1e-15


def test_a_rule_of_order_n_is_exact_to_degree_2n_less_1() -> None:
    """In each direction."""
    for order in (2, 3, 4):
        rule = gauss(order)
        for power in range(2 * order):
            wanted = 0.0 if power % 2 else 4 / (power + 1) ** 2 if power else 4.0
            found = rule.weights @ (rule.points[:, 0] ** power * rule.points[:, 1] ** power)
            assert found == pytest.approx(wanted, abs=1e-14)


def test_an_element_turned_twice_is_itself() -> None:
    """Turning walks the same corners the other way."""
    assert np.array_equal(np.arange(8)[list(TURNED)][list(TURNED)], np.arange(8))


def test_the_stiffness_of_the_two_by_two_square_is_the_known_one() -> None:
    """First row over 90, and the eigenvalues, as published for the Laplace operator on this element."""
    quad8 = np.arange(8, dtype=np.int32)[None]
    slopes, weights = gradients(STIFFNESS_RULE.points), STIFFNESS_RULE.weights
    compiled_values = np.empty((1, 64))
    compiled.stiffness_into(NODES, quad8, slopes, compiled.products_of(slopes), weights, 0, 1, compiled_values)
    for values in (
        loop.stiffness(NODES, quad8, slopes, weights),
        arrays.stiffness(NODES, quad8, slopes, weights),
        compiled_values,
    ):
        matrix = 90 * values.reshape(8, 8)
        assert matrix[0] == pytest.approx([104, 45, 46, 45, -74, -46, -46, -74], abs=1e-12)
        assert matrix[4] == pytest.approx([-74, -74, -46, -46, 208, 0, 32, 0], abs=1e-12)
        eigenvalues = np.linalg.eigvalsh(matrix / 90)
        known = [0, 0.51049, 0.51049, 0.66667, 2.08951, 2.08951, 2.66667, 5.33333]
        assert eigenvalues == pytest.approx(known, abs=5e-6)
