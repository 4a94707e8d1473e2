"""A training method of one's own: critic-regularised regression in its binary form (CRR, Wang et al. 2020). The policy
imitates those of the data's actions that its critic prefers to a draw of its own.

    python examples/own_method.py DATASET [ENV]
"""

import sys

import hardy
from hardy import ops


class CRR(hardy.OwnMethod, name="crr", summary="critic-regularised regression, binary"):
    """max E[1(Q(s, a) > Q(s, pi(s))) log pi(a|s)]."""

    head = "gaussian"
    defaults = {"gamma": 0.99, "critics": 2, "polyak": 0.005, "learning_rate": 3e-4, "hidden": [256, 256]}

    def build(self, learner: hardy.Builder) -> None:
        s = self.settings
        pi = learner.policy()
        inputs = learner.observation_size + learner.action_size
        q = learner.network("q", inputs, s["hidden"], outputs=1, members=s["critics"])
        q_target = learner.target_of(q)

        # 1. y = r + gamma (1 - d) min_i Q'_i(s', a'), a' ~ pi(s'); the targets follow.
        u = learner.update("critics")
        b = learner.batch(u)
        a_next = pi.act(u, b.next_observations, draws="next_noise")
        q_next = ops.smallest(u.values_of(q_target, b.next_observations, a_next))
        y = ops.bootstrap_target(b.rewards, b.terminals, q_next, s["gamma"])
        loss = ops.squared_errors(u.values_of(q, b.observations, b.actions), ops.stop_gradient(y))
        u.minimise("q", loss, [q], learning_rate=s["learning_rate"], polyak=s["polyak"])

        # 2. The policy imitates what is better than what it would do.
        u = learner.update("actor")
        b = learner.batch(u)
        own = pi.act(u, b.observations, draws="noise")
        advantage = ops.smallest(u.values_of(q, b.observations, b.actions)) - ops.smallest(
            u.values_of(q, b.observations, own))
        weights = ops.stop_gradient(ops.positive(advantage))
        u.imitate(pi, b, weights, learning_rate=s["learning_rate"])
        u.report("imitated", ops.mean_per_agent(weights))  # logged beside the losses


if __name__ == "__main__":
    env = sys.argv[2] if len(sys.argv) > 2 else None
    run = CRR(critics=2, hidden=[64, 64]).fit(sys.argv[1], steps=200, seeds=2, env=env, out="runs/crr", progress=True)
    print(run, run.curve("imitated")[1][-1])
