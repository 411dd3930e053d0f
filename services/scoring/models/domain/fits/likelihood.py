"""Maximum likelihood in log parameters: L-BFGS to get near, Newton steps on the analytic gradient to arrive."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Vector = NDArray[np.float64]
LogLikelihood = Callable[[Vector], tuple[float, Vector]]

LOG_BOUND: Final = 14.0  # parameters between 8e-7 and 1.2e6: beyond, the data do not identify them
NEWTON_STEPS_MAX: Final = 12
GRADIENT_PER_CUSTOMER: Final = 1e-10
GRADIENT_ON_RIDGE: Final = (
    1e-6  # flat enough, where Newton finds no step: the parameters go on, the likelihood does not
)
EDGE: Final = 1e-6
GRADIENT_AT_EDGE: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Fit:
    """Fitted parameters with their log-likelihood.

    `converged`: no admitted step raises the likelihood. `at_edge`: some parameters lie on the bound, because the data
    want them beyond it. Such parameters are not identified, but their predictions may be good.
    """

    parameters: tuple[float, ...]
    log_likelihood: float
    converged: bool
    at_edge: bool
    evaluations: int


def maximise(of_parameters: LogLikelihood, start: tuple[float, ...], weight: float) -> Fit:
    """Maximise a log-likelihood given as a function of positive parameters with its gradient.

    `weight` is the number of customers. Deterministic: no random starts, no threads.
    """
    evaluations = 0

    def per_customer(logs: Vector) -> tuple[float, Vector]:
        nonlocal evaluations
        evaluations += 1
        parameters = np.exp(logs)
        value, gradient = of_parameters(parameters)
        return -value / weight, -gradient * parameters / weight

    near = optimize.minimize(
        per_customer, np.log(np.asarray(start)), jac=True, method="L-BFGS-B",
        bounds=[(-LOG_BOUND, LOG_BOUND)] * len(start), options={"maxiter": 500, "ftol": 1e-13, "gtol": 1e-7},
    )  # fmt: skip
    logs, converged = _newton(per_customer, np.asarray(near.x, dtype=np.float64))
    parameters = np.exp(logs)
    value, _ = of_parameters(parameters)
    outer = np.abs(logs) >= LOG_BOUND - EDGE
    if outer.any():
        _, gradient = per_customer(logs)
        converged = bool(
            np.max(np.abs(np.where(outer & (gradient * logs < 0), 0.0, gradient))) <= GRADIENT_AT_EDGE
        )
    return Fit(tuple(float(p) for p in parameters), float(value), converged, bool(outer.any()), evaluations)


def _newton(objective: LogLikelihood, logs: Vector) -> tuple[Vector, bool]:
    """Newton steps with one Hessian by central differences of the gradient (a chord: it is already close)."""
    value, gradient = objective(logs)
    inverse: NDArray[np.float64] | None = None
    for _ in range(NEWTON_STEPS_MAX):
        if np.max(np.abs(gradient)) <= GRADIENT_PER_CUSTOMER:
            return logs, True
        if inverse is None:
            inverse = np.asarray(np.linalg.pinv(_hessian(objective, logs)), dtype=np.float64)
        moved = logs - inverse @ gradient
        if not np.all(np.abs(moved) <= LOG_BOUND):
            break
        moved_value, moved_gradient = objective(moved)
        if not np.isfinite(moved_value) or moved_value > value + 1e-9:
            break
        logs, value, gradient = moved, moved_value, moved_gradient
    return logs, bool(np.max(np.abs(gradient)) <= GRADIENT_ON_RIDGE)


def _hessian(objective: LogLikelihood, logs: Vector) -> NDArray[np.float64]:
    step = 1e-5
    columns = []
    for index in range(len(logs)):
        shift = np.zeros_like(logs)
        shift[index] = step
        columns.append((objective(logs + shift)[1] - objective(logs - shift)[1]) / (2 * step))
    hessian = np.column_stack(columns)
    return np.asarray((hessian + hessian.T) / 2, dtype=np.float64)
