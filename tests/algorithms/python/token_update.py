#!/usr/bin/env python3
"""One post-training step of a small transformer in float64 NumPy: the oracle that the engine's step is compared with.

    token_update.py INPUT OUTPUT

Forward pass token by token as the papers have it (RMSNorm, rotary positions, causal grouped-query attention, SwiGLU,
the embedding as the head); the gradient of the loss by complex steps, f'(x) = Im f(x + ih) / h, so that no derivative
is written down; AdamW. Nothing is shared with the engine.

Names in INPUT    policy/embedding ...; settings: groups [{prompt, rollouts, behaviour, returns, demonstration}], method
                  (hpt, grpo, luffy, srft), heads, kv_heads, layers, longest, lr, decay, clip_norm
Names in OUTPUT   loss/policy, grad/<name>, new/<name>
"""
import sys

import complex_step
import numpy as np


def norm(x, gain):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-5) * gain


def rotate(x):  # [T, heads, d]
    half = x.shape[-1] // 2
    angle = np.arange(len(x))[:, None] * 10000.0 ** (-2.0 * np.arange(half) / x.shape[-1])
    c, s = np.cos(angle)[:, None], np.sin(angle)[:, None]
    u, w = x[..., :half], x[..., half:]
    return np.concatenate([u * c - w * s, w * c + u * s], -1)


def log_probs(p, tokens, s):
    """log pi of every next token [T, V] after each of the tokens."""
    x = p['embedding'][tokens]
    T, d = x.shape
    H, G = s['heads'], s['kv_heads']
    h = d // H
    for layer in range(s['layers']):
        q = {k: p[f'layer{layer}/{k}'] for k in ('norm1', 'qkv', 'out', 'norm2', 'up', 'down')}
        qkv = norm(x, q['norm1']) @ q['qkv']
        Q = rotate(qkv[:, :d].reshape(T, H, h))
        K = rotate(qkv[:, d:d + G * h].reshape(T, G, h))
        V = qkv[:, d + G * h:].reshape(T, G, h)
        y = np.zeros((T, H, h), x.dtype)
        for head in range(H):
            g = head // (H // G)
            for t in range(T):
                z = K[:t + 1, g] @ Q[t, head] / np.sqrt(h)
                e = np.exp(z - z.real.max())
                y[t, head] = e @ V[:t + 1, g] / e.sum()
        x = x + y.reshape(T, d) @ q['out']
        up = norm(x, q['norm2']) @ q['up']
        a, b = up[:, :up.shape[1] // 2], up[:, up.shape[1] // 2:]
        x = x + (a / (1 + np.exp(-a)) * b) @ q['down']
    z = norm(x, p['norm']) @ p['embedding'].T
    z = z - z.real.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def entropy_of(p, prompt, answer, s):
    z = log_probs(p, np.array(prompt + answer[:-1]), s)[len(prompt) - 1:].real
    return -(np.exp(z) * z).sum(-1).mean()


def of_answer(p, prompt, answer, s):
    every = log_probs(p, np.array(prompt + answer[:-1]), s)[len(prompt) - 1:]
    return every[np.arange(len(answer)), answer]


def rows_of(p, s):
    """(prompt, answer, c of each token)."""
    groups, P = s['groups'], len(s['groups'])
    B = sum(len(g['rollouts']) for g in groups)
    rows = []
    for g in groups:
        R = np.array(g['returns'])
        solved = (R > 0.5).sum()
        joined = s['method'] in ('luffy', 'srft')
        every = np.append(R, 1.0) if joined else R
        A = R - every.mean()
        if s['method'] == 'grpo':
            A = A / (R.std(ddof=1) + 1e-6) if np.ptp(R) > 0 else 0 * R
        reinforced = s['method'] != 'hpt' or solved > 0
        imitated = joined or (s['method'] == 'hpt' and solved == 0)
        rows_of_group = []
        if reinforced:
            for answer, old, a in zip(g['rollouts'], g['behaviour'], A):
                r = np.exp(of_answer(p, g['prompt'], answer, s).real - np.array(old))
                if s['method'] == 'srft':
                    praise = 0.1 * np.exp(entropy_of(p, g['prompt'], answer, s))
                    right = R[len(rows_of_group)] > 0.5
                    rows_of_group.append((g['prompt'], answer,
                                          np.full(len(answer), (praise if right else -1) / (B * s['longest']))))
                    continue
                w = {'hpt': 1 / B, 'grpo': 1 / (B * len(answer)), 'luffy': 1 / (B * s['longest'])}[s['method']]
                clipped = ((a > 0) & (r > 1.2)) | ((a < 0) & (r < 0.8)) if s['method'] != 'luffy' else np.zeros(len(r), bool)
                rows.append((g['prompt'], answer, np.where(clipped, 0, r * a * w)))
        if imitated:
            demo = g['demonstration']
            pi = np.exp(of_answer(p, g['prompt'], demo, s).real)
            if s['method'] == 'srft':
                A = (1 - every.mean()) / (every.std(ddof=1) + 1e-6) if np.ptp(every) > 0 else 0
                c = pi * A / (P * s['longest'])
                c = c + 0.5 * np.exp(-entropy_of(p, g['prompt'], demo, s)) / (P * len(demo))
            elif joined:
                c = pi * 0.1 / (pi + 0.1)**2 * (1 - every.mean()) / (P * s['longest'])
            else:
                c = np.full(len(demo), 1 / (P * len(demo)))
            rows.append((g['prompt'], demo, c))
        rows += rows_of_group
    return rows


complex_step.answer(*sys.argv[1:], rows_of, lambda p, row, s: of_answer(p, *row, s))
