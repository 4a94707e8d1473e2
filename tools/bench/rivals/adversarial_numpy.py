#!/usr/bin/env python3
"""The log-barrier learner with the dilated bonus in vectorised NumPy: what `hardy bench ftrl_log_barrier` does.

    adversarial_numpy.py --seed 20230131 --H 3 --S 4 --A 3 --d 3 --K 8 --replicas 64 --seconds 5
    adversarial_numpy.py --check      the exact learner's loss of one replica on splitmix64's trajectories

All replicas go through every operation together, as arrays [R, ...]; layers too wherever the algorithm lets
them (policies, covariances, factorisations, estimates). Covariances are exact, the bonus is on, losses are
cycled. Prints one line of JSON.
"""
import argparse
import json
import math
import time

import numpy as np

MASK = (1 << 64) - 1


class SplitMix64:
    def __init__(self, seed):
        self.state = seed & MASK

    def uniform(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) >> 11) * 2.0 ** -53

    def simplex(self, n):
        e = np.array([-math.log1p(-self.uniform()) for _ in range(n)])
        return e / e.sum()


class Instance:
    """Features [H, S, A, d] in the simplex, transitions through d laws a layer, losses linear in the features."""

    def __init__(self, seed, H, S, A, d, K):
        g = SplitMix64(seed)
        self.phi = np.array([[[g.simplex(d) for _ in range(A)] for _ in range(S)] for _ in range(H)])
        self.mu = np.array([[g.simplex(S) for _ in range(d)] for _ in range(H - 1)]).reshape(H - 1, d, S)
        nu = np.array([[[g.uniform() for _ in range(d)] for _ in range(H)] for _ in range(K)])
        self.rows = self.phi.reshape(H, S * A, d)
        self.rows_t = np.ascontiguousarray(self.rows.transpose(0, 2, 1))
        self.P = self.rows[:-1] @ self.mu  # [H-1, S A, S]
        self.P_t = np.ascontiguousarray(self.P.transpose(0, 2, 1))
        self.cumulative = self.P.cumsum(-1)
        self.loss = np.einsum('hnd,khd->khn', self.rows, nu)
        self.H, self.S, self.A, self.d, self.K = H, S, A, d, K


def log_barrier(cost, eta):
    """argmin over the simplex of eta <p, cost> + sum ln 1/p, over the last axis."""
    x = eta * (cost - cost.min(-1, keepdims=True))
    count = np.arange(1, x.shape[-1] + 1)
    lam = np.maximum(1.0, (count - np.sort(x, -1)).max(-1, keepdims=True))
    for _ in range(60):
        r = 1.0 / (lam + x)
        step = np.maximum((r.sum(-1, keepdims=True) - 1.0) / (r * r).sum(-1, keepdims=True), 0.0)
        lam += step
        if (step <= 9e-16 * lam).all():
            break
    p = 1.0 / (lam + x)
    return p / p.sum(-1, keepdims=True)


def run(m, replicas, eta, gamma, beta, episodes, uniform, seconds=None):
    """uniform(count) gives [replicas, count] numbers. Returns learner losses [replicas], episodes, seconds."""
    H, S, A, d, R = m.H, m.S, m.A, m.d, replicas
    cost, total, every = np.zeros((R, H, S, A)), np.zeros(R), np.arange(R)
    ridge, grow = gamma * np.eye(d), 1.0 + 1.0 / H
    began, k = time.perf_counter(), 0
    while k < episodes if seconds is None else time.perf_counter() - began < seconds:
        loss = m.loss[k % m.K]
        pi = log_barrier(cost, eta)
        q, start = np.empty((R, H, S * A)), np.zeros((R, S))
        start[:, 0] = 1.0
        for h in range(H):
            q[:, h] = (start[:, :, None] * pi[:, h]).reshape(R, -1)
            if h < H - 1:
                start = q[:, h] @ m.P[h]
        total += (q * loss).sum((1, 2))
        sigma = (m.rows_t * q[:, :, None, :]) @ m.rows + ridge  # [R, H, d, d]
        sd = np.linalg.inv(sigma)
        half = m.rows @ sd  # [R, H, S A, d]
        n = (half * m.rows).sum(-1).reshape(R, H, S, A)
        b = beta * (n + (pi * n).sum(-1, keepdims=True))
        bonus = b.copy()
        for h in range(H - 2, -1, -1):
            value = (pi[:, h + 1] * bonus[:, h + 1]).sum(-1)
            bonus[:, h] += grow * (value @ m.P_t[h]).reshape(R, S, A)
        u, s, taken = uniform(2 * H - 1), np.zeros(R, int), np.empty((R, H), int)
        for h in range(H):
            a = np.minimum((u[:, 2 * h, None] >= pi[every, h, s].cumsum(-1)).sum(-1), A - 1)
            taken[:, h] = s * A + a
            if h < H - 1:
                s = np.minimum((u[:, 2 * h + 1, None] >= m.cumulative[h, taken[:, h]]).sum(-1), S - 1)
        seen = loss[np.arange(H), taken]  # [R, H]
        to_go = seen[:, ::-1].cumsum(-1)[:, ::-1]
        features = m.rows[np.arange(H), taken]  # [R, H, d]
        estimate = (half @ features[..., None])[..., 0] * to_go[..., None]
        cost += estimate.reshape(R, H, S, A) - bonus
        k += 1
    return total, k, time.perf_counter() - began


def main():
    p = argparse.ArgumentParser()
    for name, value in (('seed', 20230131), ('H', 3), ('S', 4), ('A', 3), ('d', 3), ('K', 8), ('replicas', 1)):
        p.add_argument('--' + name, type=int, default=value)
    p.add_argument('--eta', type=float, default=0.2)
    p.add_argument('--gamma', type=float, default=0.05)
    p.add_argument('--beta', type=float, default=0.02)
    p.add_argument('--episodes', type=int, default=64)
    p.add_argument('--seconds', type=float, default=3.0)
    p.add_argument('--check', action='store_true')
    o = p.parse_args()
    m = Instance(o.seed, o.H, o.S, o.A, o.d, o.K)
    if o.check:
        g = SplitMix64(7)
        total, k, _ = run(m, 1, o.eta, o.gamma, o.beta, o.episodes,
                          lambda count: np.array([[g.uniform() for _ in range(count)]]))
        print(json.dumps({'episodes': k, 'learner_loss': total[0]}))
        return
    g = np.random.default_rng(1)
    uniform = lambda count: g.random((o.replicas, count))
    run(m, o.replicas, o.eta, o.gamma, o.beta, 20, uniform)
    used = time.process_time()
    _, k, spent = run(m, o.replicas, o.eta, o.gamma, o.beta, 0, uniform, o.seconds)
    used = time.process_time() - used
    print(json.dumps({'method': 'ftrl_log_barrier', 'by': 'numpy ' + np.__version__, 'replicas': o.replicas,
                      'replica_episodes_per_second': k * o.replicas / spent,
                      'replica_episodes_per_processor_second': k * o.replicas / used}))


if __name__ == '__main__':
    main()
