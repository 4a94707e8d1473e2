#!/usr/bin/env python3
"""One step of soft actor-critic in float64 NumPy: the oracle that the engine's step is compared with.

    sac_update.py INPUT OUTPUT      critics, their targets, the policy, the temperature
    sac_update.py --self-test       its gradients against central differences

Haarnoja et al. 2018 (arXiv 1812.05905), equations 5 to 10 and 18, the temperature by its logarithm. Nothing is
shared with the engine; files, layers and Adam are those of offline_update.py.

Names in INPUT
  policy/w0 ... policy/b2 [obs, h], ... the last layer gives means, then log standard deviations
  q/w0 ... q/b2, q_target/... [K, in, out] and [K, out]; log_alpha [1]
  observations [B, obs], actions [B, act] in [-1, 1], rewards [B], next_observations [B, obs], terminals [B]
  noise [B, act], next_noise [B, act]: standard normal, of the actions at s and at s'
Settings (defaults): gamma 0.99, polyak 0.005, lr 3e-4, target_entropy (minus the number of actions), step 0
Names in OUTPUT
  loss/q, loss/policy, loss/temperature; grad/<name>, new/<name> (targets included); value/y [B]; entropy
"""
import math
import sys

import numpy as np

from offline_update import adam, mlp, mlp_backward, program

LOG_STD = (-20.0, 2.0)


def draw(p, observations, noise):
    """a = tanh(u), u = mean + std noise, and log pi(a) by the change of variables."""
    out, kept = mlp(p, 'policy', observations)
    act = noise.shape[1]
    mean, raw = out[:, :act], out[:, act:]
    log_std = np.clip(raw, *LOG_STD)
    u = mean + np.exp(log_std) * noise
    a = np.tanh(u)
    # N(u; mean, std) has z = noise; da/du = 1 - a^2 = 4 / (e^u + e^-u)^2
    log_slope = math.log(4) - 2 * np.logaddexp(u, -u)
    log_prob = np.sum(-0.5 * noise**2 - log_std - 0.5 * math.log(2 * math.pi) - log_slope, axis=1)
    return a, log_prob, (kept, raw, log_std)


def critic_step(p, batch, s):
    alpha = math.exp(p['log_alpha'][0])
    next_action, next_log_prob, _ = draw(p, batch['next_observations'], batch['next_noise'])
    q_next, _ = mlp(p, 'q_target', np.concatenate([batch['next_observations'], next_action], axis=1))
    soft_value = q_next[..., 0].min(axis=0) - alpha * next_log_prob
    y = batch['rewards'] + s['gamma'] * (1 - batch['terminals']) * soft_value
    q, kept = mlp(p, 'q', np.concatenate([batch['observations'], batch['actions']], axis=1))
    e = q[..., 0] - y
    loss = np.sum(np.mean(e**2, axis=1))  # each critic's mean squared error, added up
    return loss, mlp_backward(p, 'q', kept, (2 * e / e.shape[1])[..., None]), y


def slope_in_action(p, kept, d_out, obs):
    """sum(out * d_out) of the critics, differentiated by the action part of their input, a critic's each."""
    transposed = lambda m: np.swapaxes(m, -1, -2)
    _, z0, _, z1, _ = kept
    d1 = (d_out @ transposed(p['q/w2'])) * (z1 > 0)
    d0 = (d1 @ transposed(p['q/w1'])) * (z0 > 0)
    return (d0 @ transposed(p['q/w0']))[..., obs:]


def policy_step(p, batch):
    alpha = math.exp(p['log_alpha'][0])
    noise = batch['noise']
    n, obs = noise.shape[0], batch['observations'].shape[1]
    a, log_prob, (kept, raw, log_std) = draw(p, batch['observations'], noise)
    q, q_kept = mlp(p, 'q', np.concatenate([batch['observations'], a], axis=1))
    least = q[..., 0].argmin(axis=0)
    loss = np.mean(alpha * log_prob - q[least, np.arange(n), 0])
    chosen = np.zeros_like(q)
    chosen[least, np.arange(n), 0] = 1
    dq_da = slope_in_action(p, q_kept, chosen, obs).sum(axis=0)
    # log pi falls by log(1 - a^2): d/du of -log(1 - tanh^2 u) is 2 tanh u
    d_u = (alpha * 2 * a - dq_da * (1 - a**2)) / n
    d_log_std = d_u * np.exp(log_std) * noise - alpha / n
    d_log_std *= (raw >= LOG_STD[0]) & (raw <= LOG_STD[1])
    return loss, mlp_backward(p, 'policy', kept, np.concatenate([d_u, d_log_std], axis=1)), log_prob


def update(tensors, settings):
    act = np.asarray(tensors['actions']).shape[1]
    s = {'gamma': 0.99, 'polyak': 0.005, 'lr': 3e-4, 'target_entropy': -act, 'step': 0, **settings}
    p = {k: np.asarray(v, dtype=np.float64) for k, v in tensors.items()}
    batch = {k: p[k] for k in ('observations', 'actions', 'rewards', 'next_observations', 'terminals', 'noise',
                               'next_noise')}
    t, out = int(s['step']) + 1, {}
    out['loss/q'], grad, out['value/y'] = critic_step(p, batch, s)
    adam(p, grad, p, t, s['lr'], out)
    for name in [k for k in p if k.startswith('q_target/')]:
        p[name] = (1 - s['polyak']) * p[name] + s['polyak'] * p['q/' + name.split('/')[1]]
        out[f'new/{name}'] = p[name]
    # The policy climbs the critics as they are now; the temperature sees the same draws.
    out['loss/policy'], grad, log_prob = policy_step(p, batch)
    gap = np.mean(log_prob) + s['target_entropy']
    out['loss/temperature'] = -p['log_alpha'][0] * gap
    out['entropy'] = -np.mean(log_prob)
    adam(p, grad, p, t, s['lr'], out)
    adam(p, {'log_alpha': np.array([-gap])}, p, t, s['lr'], out)
    return out


def example(rng, members=3, rows=11, obs=4, act=2, hidden=6):
    t = {}
    for net, first, last, k in (('q', obs + act, 1, members), ('q_target', obs + act, 1, members),
                                ('policy', obs, 2 * act, 0)):
        widths = [first, hidden, hidden, last]
        for i in range(3):
            lead = (k,) if k else ()
            t[f'{net}/w{i}'] = rng.normal(size=lead + (widths[i], widths[i + 1])) / math.sqrt(widths[i])
            t[f'{net}/b{i}'] = 0.3 * rng.normal(size=lead + (widths[i + 1],))
    t['log_alpha'] = np.array([-0.7])
    for name, width in (('observations', obs), ('next_observations', obs), ('noise', act), ('next_noise', act)):
        t[name] = rng.normal(size=(rows, width))
    t['actions'] = rng.uniform(-1, 1, size=(rows, act))
    t['rewards'] = rng.normal(size=rows)
    t['terminals'] = (rng.uniform(size=rows) < 0.3).astype(np.float64)
    return t


def self_test():
    t = example(np.random.default_rng(5))
    p = {k: np.asarray(v) for k, v in t.items()}
    s = {'gamma': 0.99}
    steps = {'q/': lambda x: critic_step(x, x, s), 'policy/': lambda x: policy_step(x, x)}
    checked = 0
    for prefix, step in steps.items():
        grad = step(p)[1]
        assert set(grad) == {k for k in p if k.startswith(prefix)}
        for name, g in grad.items():
            for i in range(0, g.size, max(1, g.size // 9)):
                ends = []
                for h in (1e-6, -1e-6):
                    moved = {**p, name: p[name].copy()}
                    moved[name].reshape(-1)[i] += h
                    ends.append(step(moved)[0])
                numeric, exact = (ends[0] - ends[1]) / 2e-6, g.reshape(-1)[i]
                assert abs(numeric - exact) < 1e-6 * max(1, abs(exact)), (name, i, numeric, exact)
                checked += 1
    # The density of a squashed normal integrates to one.
    u = np.linspace(-12, 12, 200001)
    mean, std = 0.4, 0.8
    a = np.tanh(u)
    log_prob = -0.5 * ((u - mean) / std)**2 - math.log(std) - 0.5 * math.log(2 * math.pi) - np.log1p(-a**2 + 1e-300)
    assert abs(np.sum(np.exp(log_prob[:-1]) * np.diff(a)) - 1) < 1e-3
    print(f'ok: {checked} derivatives agree with central differences')


if __name__ == '__main__':
    sys.exit(program(sys.argv[1:], __doc__, update, self_test))
