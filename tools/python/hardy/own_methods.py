"""Training methods written in Python: compiled to the same static graph as those in C++, and run at the same speed."""

from __future__ import annotations

from typing import Any, ClassVar

from . import _native
from .runs import Method


class OwnMethod(Method):
    """A method of one's own: `class CRR(OwnMethod, name="crr", summary="...")` trains like any other from then on.

    Its class has
      defaults: names and values of its settings (bool, int, float, str, or a list of int); "hidden", "batch_size" and
        "normalise" (of observations) are always among them.
      head: "gaussian", "tanh_gaussian" or "deterministic": what its policy's network ends in.
      build(self, learner): puts the update together; self.settings has the values of this run.
    """

    defaults: ClassVar[dict[str, Any]] = {}
    head: ClassVar[str] = "gaussian"
    summary: ClassVar[str] = ""

    def __init_subclass__(cls, *, name: str, summary: str, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.name, cls.summary = name, summary
        _native.register_method(name, summary, cls._blank)

    @classmethod
    def _blank(cls) -> OwnMethod:
        """What a run is built with; its settings are filled in."""
        made = object.__new__(cls)
        made.settings = dict(cls.defaults)
        return made

    def build(self, learner: _native.Builder) -> None:
        """Called once, before the first step.

        learner.policy() makes the policy's networks, learner.network(name, inputs, hidden, outputs, members) others,
        learner.target_of(network) a copy that follows by polyak. Updates run at each step in the order in which
        learner.update(name) made them; learner.batch(update) is the step's rows. An update ends in
        update.minimise(name, loss, networks, ...), the loss one number an agent (ops.mean_per_agent), or in
        update.imitate(policy, rows, weights), the policy's weighted imitation of the data's actions.
        """
        raise NotImplementedError(f"{type(self).__name__}.build")
