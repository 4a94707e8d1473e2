#!/usr/bin/env python3
"""One post-training step of a small control policy in float64 NumPy: the oracle that the engine's step is compared with.

    control_update.py INPUT OUTPUT

A tanh network with a Gaussian head (free log sigma), a squashed one (log sigma of the state) or a categorical one; the
gradient of the loss by complex steps, f'(x) = Im f(x + ih) / h, so that no derivative is written down; AdamW. Nothing is
shared with the engine.

Names in INPUT    policy/w0 ...; settings: head, layers, groups [{rollouts: [{observations, drawn, behaviour}], returns,
                  solved, demonstration: {observations, drawn}}], method (hpt, grpo, dapg, awr), step, lr, decay, clip_norm
Names in OUTPUT   loss/policy, grad/<name>, new/<name>
"""
import sys

import complex_step
import numpy as np


def log_probs(p, episode, s):
    """log pi of what was drawn at each step: of u itself, before it is held or squashed."""
    x = np.array(episode['observations'], float).astype(complex)
    for layer in range(s['layers']):
        x = x @ p[f'w{layer}'] + p[f'b{layer}']
        if layer + 1 < s['layers']:
            x = np.tanh(x)
    drawn = np.array(episode['drawn'])
    if s['head'] == 'categorical':
        z = x - x.real.max(-1, keepdims=True)
        return (z - np.log(np.exp(z).sum(-1, keepdims=True)))[np.arange(len(drawn)), drawn]
    if s['head'] == 'gaussian':
        mean, log_std = x, p['log_std'][None]
    else:
        mean, log_std = np.split(x, 2, axis=-1)
    z = (drawn - mean) / np.exp(log_std)
    return (-z * z / 2 - log_std - np.log(2 * np.pi) / 2).sum(-1)


def rows_of(p, s):
    """(episode, c of each of its steps)."""
    method, groups, P = s['method'], s['groups'], len(s['groups'])
    B = sum(len(g['rollouts']) for g in groups)
    most = max(np.max(np.array(g['returns']) - np.mean(g['returns'])) for g in groups)
    rows = []
    for g in groups:
        R = np.array(g['returns'], float)
        every = np.append(R, g['demonstration_return']) if method == 'awr' else R
        A = every - every.mean()
        if method == 'grpo':
            A = A / (R.std(ddof=1) + 1e-6) if np.ptp(R) > 0 else 0 * R
        if method == 'awr':
            A = np.minimum(np.exp(A / s['lambda']), 20)
        imitated = {'hpt': g['solved'] == 0, 'grpo': False, 'dapg': True, 'awr': True}[method]
        if method != 'hpt' or g['solved'] > 0:
            for e, a in zip(g['rollouts'], A):
                r = np.exp(log_probs(p, e, s).real - np.array(e['behaviour']))
                L = len(r)
                w = 1 / (B * L) if method == 'grpo' else 1 / B
                if method == 'awr':
                    c = np.full(L, a * w)
                else:
                    clipped = ((a > 0) & (r > 1.2)) | ((a < 0) & (r < 0.8))
                    c = np.where(clipped, 0, r * a * w)
                rows.append((e, c))
        if imitated:
            e = g['demonstration']
            L = len(e['observations'])
            w = {'hpt': 1 / (P * L), 'dapg': 0.1 * 0.95**s['step'] * most / P, 'awr': A[-1] / P}[method]
            rows.append((e, np.full(L, w)))
    return rows


complex_step.answer(*sys.argv[1:], rows_of, lambda p, row, s: log_probs(p, *row, s))
