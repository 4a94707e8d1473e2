#!/usr/bin/env python3
"""One learning step of DQN in float64 NumPy: the oracle that the engine's step is compared with.

    dqn_update.py INPUT OUTPUT      Q, and its target where it is due
    dqn_update.py --self-test       its gradients against central differences

Mnih et al. 2015, algorithm 1; double (van Hasselt et al. 2016, equation 4) and dueling (Wang et al. 2016, equation
9). Nothing is shared with the engine; files, layers and Adam are those of offline_update.py.

Names in INPUT
  policy/w0 ... policy/b2, policy_target/...   the last layer gives Q of each choice; dueling: V, then advantages
  observations [B, obs], actions [B] choices, rewards [B], next_observations [B, obs], terminals [B]
Settings (defaults): gamma 0.99, lr 5e-4, double 1, dueling 0, target_every 1, polyak 0.005, step 0, schedule_steps 50000
  (the cosine over which the learning rate falls to 0)
Names in OUTPUT
  loss/q; grad/<name>, new/<name> (targets included); value/y [B]
"""
import math
import sys

import numpy as np

from offline_update import adam, mlp, mlp_backward, program


def q_of(out, dueling):
    if not dueling:
        return out
    v, advantage = out[:, :1], out[:, 1:]
    return v + advantage - advantage.mean(axis=1, keepdims=True)


def out_slopes(d_q, dueling):
    """Slopes in the network's outputs from those in Q."""
    if not dueling:
        return d_q
    total = d_q.sum(axis=1, keepdims=True)
    return np.concatenate([total, d_q - total / d_q.shape[1]], axis=1)


def step(p, batch, s):
    rows = np.arange(len(batch['rewards']))
    theirs = q_of(mlp(p, 'policy_target', batch['next_observations'])[0], s['dueling'])
    chooser = q_of(mlp(p, 'policy', batch['next_observations'])[0], s['dueling']) if s['double'] else theirs
    y = batch['rewards'] + s['gamma'] * (1 - batch['terminals']) * theirs[rows, chooser.argmax(axis=1)]
    out, kept = mlp(p, 'policy', batch['observations'])
    q, taken = q_of(out, s['dueling']), batch['actions'].astype(int)
    e = y - q[rows, taken]
    near = np.abs(e) < 1
    loss = np.mean(np.where(near, 0.5 * e**2, np.abs(e) - 0.5))
    d_q = np.zeros_like(q)
    d_q[rows, taken] = -np.where(near, e, np.sign(e)) / len(e)
    return loss, mlp_backward(p, 'policy', kept, out_slopes(d_q, s['dueling'])), y


def update(tensors, settings):
    s = {'gamma': 0.99, 'lr': 5e-4, 'double': 1, 'dueling': 0, 'target_every': 1, 'polyak': 0.005, 'step': 0,
         'schedule_steps': 50000, **settings}
    p = {k: np.asarray(v, dtype=np.float64) for k, v in tensors.items()}
    t, out = int(s['step']) + 1, {}
    out['loss/q'], grad, out['value/y'] = step(p, p, s)
    rate = s['lr'] * (1 + math.cos(math.pi * s['step'] / s['schedule_steps'])) / 2
    adam(p, grad, p, t, rate, out)
    for name in [k for k in p if k.startswith('policy_target/')]:
        if t % s['target_every'] == 0:
            p[name] = (1 - s['polyak']) * p[name] + s['polyak'] * p['policy/' + name.split('/')[1]]
        out[f'new/{name}'] = p[name]
    return out


def example(rng, dueling, rows=13, obs=4, choices=3, hidden=6):
    t, widths = {}, [obs, hidden, hidden, choices + dueling]
    for net in ('policy', 'policy_target'):
        for i in range(3):
            t[f'{net}/w{i}'] = rng.normal(size=(widths[i], widths[i + 1]))
            t[f'{net}/b{i}'] = 0.3 * rng.normal(size=widths[i + 1])
    for name in ('observations', 'next_observations'):
        t[name] = rng.normal(size=(rows, obs))
    t['actions'] = rng.integers(0, choices, rows)
    t['rewards'] = rng.normal(size=rows)
    t['terminals'] = (rng.uniform(size=rows) < 0.3).astype(np.float64)
    return t


def self_test():
    checked = 0
    for dueling in (0, 1):
        p = example(np.random.default_rng(7), dueling)
        s = {'gamma': 0.9, 'double': 1, 'dueling': dueling}
        _, grad, y = step(p, p, s)
        rows = np.arange(len(y))
        e = y - q_of(mlp(p, 'policy', p['observations'])[0], dueling)[rows, p['actions']]
        assert (np.abs(e) < 1).any() and (np.abs(e) > 1).any(), 'both parts of the loss are to be seen'
        # The target is a constant: it is kept where parameters move.
        def loss_at(q_parameters):
            q = q_of(mlp(q_parameters, 'policy', p['observations'])[0], dueling)[rows, p['actions']]
            d = np.abs(y - q)
            return np.mean(np.where(d < 1, 0.5 * d**2, d - 0.5))
        for name, g in grad.items():
            for i in range(0, g.size, max(1, g.size // 9)):
                ends = []
                for h in (1e-6, -1e-6):
                    moved = {**p, name: p[name].copy()}
                    moved[name].reshape(-1)[i] += h
                    ends.append(loss_at(moved))
                numeric, exact = (ends[0] - ends[1]) / 2e-6, g.reshape(-1)[i]
                assert abs(numeric - exact) < 1e-6 * max(1, abs(exact)), (name, i, numeric, exact)
                checked += 1
    print(f'ok: {checked} derivatives agree with central differences')


if __name__ == '__main__':
    sys.exit(program(sys.argv[1:], __doc__, update, self_test))
