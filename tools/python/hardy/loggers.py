"""Callbacks for fit() that hand a run's records on."""

from __future__ import annotations

import math
from typing import Any, Callable

from ._optional import need
from .runs import Record


def _flat(record: Record) -> dict[str, float]:
    """A value a seed and their mean, by names as TensorBoard has them: "score/mean", "seed_0/score/mean"."""
    out: dict[str, float] = {}
    for key, values in record.values.items():
        finite = [v for v in values if v is not None and math.isfinite(v)]
        if finite:
            out[key] = sum(finite) / len(finite)
        if len(values) > 1:
            out.update({f"seed_{i}/{key}": v for i, v in enumerate(values) if v is not None and math.isfinite(v)})
    return out


def wandb_logger(run: Any = None, **settings: Any) -> Callable[[Record], None]:
    """Logs to a Weights & Biases run, one of one's own or wandb.init(**settings)."""
    if run is None:
        run = need("wandb", "wandb_logger()").init(**settings)

    def log(record: Record) -> None:
        run.log({"step": record.step, **_flat(record)})

    return log


def mlflow_logger(run_id: str | None = None, *, tracking_uri: str | None = None) -> Callable[[Record], None]:
    """Logs to an MLflow run: that of run_id, or the one that is active; tracking_uri: where MLflow keeps it."""
    mlflow = need("mlflow", "mlflow_logger()")
    if tracking_uri is not None:
        mlflow.set_tracking_uri(tracking_uri)

    def log(record: Record) -> None:
        mlflow.log_metrics(_flat(record), step=record.step, run_id=run_id)

    return log
