#!/usr/bin/env python3
"""One update of a decision transformer in float64 NumPy: the oracle that the engine's step is compared with.

    sequence_update.py INPUT OUTPUT

Windows are cut here from the dataset's rows, returns to go are summed, and a small reverse-mode tape gives the gradients:
nothing is shared with the engine.

Names in INPUT    policy/... and adam_m/..., adam_v/... of each; observations, actions, rewards, ends [N, ...]; first [B];
                  keep0, keep1, ...: the factors of each dropout in the order of the network, flat
    settings      method (dt, rdt), T, layers, heads, reward_scale, lr, decay, clip_norm, step (from 0), warmup; of rdt
                  action_weight, reward_weight, reward_coef
Names in OUTPUT   loss/policy, grad/<name>, new/<name>
"""
import json
import math
import sys

import numpy as np


class V:
    """A value of the tape; back(gradient) adds to its parents' gradients."""

    def __init__(self, x, back=None, parents=()):
        self.x, self.back, self.parents, self.g = np.asarray(x, float), back, parents, 0.0

    def __add__(self, y):
        return V(self.x + y.x, lambda g: (to(self, g), to(y, g)), (self, y))

    def __mul__(self, y):
        y = y if isinstance(y, V) else V(y)
        return V(self.x * y.x, lambda g: (to(self, g * y.x), to(y, g * self.x)), (self, y))

    def __matmul__(self, y):
        def back(g):
            to(self, g @ np.swapaxes(y.x, -1, -2))
            to(y, np.swapaxes(self.x, -1, -2) @ g)
        return V(self.x @ y.x, back, (self, y))

    def apply(self, f, slope):
        return V(f(self.x), lambda g: to(self, g * slope(self.x)), (self,))

    def take(self, index):
        def back(g):
            whole = np.zeros_like(self.x)
            np.add.at(whole, index, g)
            to(self, whole)
        return V(self.x[index], back, (self,))

    def shaped(self, shape):
        return V(self.x.reshape(shape), lambda g: to(self, g.reshape(self.x.shape)), (self,))

    def turned(self, *axes):
        return V(self.x.transpose(axes), lambda g: to(self, g.transpose(np.argsort(axes))), (self,))

    def sum(self):
        return V(self.x.sum(), lambda g: to(self, g * np.ones_like(self.x)), (self,))


def to(v, g):
    """Adds g, summed over what was stretched."""
    while g.ndim > v.x.ndim:
        g = g.sum(0)
    for axis, n in enumerate(v.x.shape):
        if n == 1 and g.shape[axis] != 1:
            g = g.sum(axis, keepdims=True)
    v.g = v.g + g


def differentiate(loss):
    order, seen = [], set()

    def visit(v):
        if id(v) in seen:
            return
        seen.add(id(v))
        for p in v.parents:
            visit(p)
        order.append(v)
    visit(loss)
    loss.g = np.ones(())
    for v in reversed(order):
        if v.back:
            v.back(v.g + np.zeros_like(v.x))


def layer_norm(x, scale, shift):
    mean = x.x.mean(-1, keepdims=True)
    inverse = 1 / np.sqrt(x.x.var(-1, keepdims=True) + 1e-5)
    h = (x.x - mean) * inverse

    def back(g):
        to(x, inverse * (g - g.mean(-1, keepdims=True) - h * (g * h).mean(-1, keepdims=True)))
    return V(h, back, (x,)) * scale + shift


def softmax(x):
    e = np.exp(x.x - x.x.max(-1, keepdims=True))
    p = e / e.sum(-1, keepdims=True)
    return V(p, lambda g: to(x, p * (g - (g * p).sum(-1, keepdims=True))), (x,))


erf = np.vectorize(math.erf)


def gelu(x):
    def slope(z):
        return 0.5 * (1 + erf(z / math.sqrt(2))) + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return x.apply(lambda z: 0.5 * z * (1 + erf(z / math.sqrt(2))), slope)


def stack(tokens):  # [B, T, d] each -> [B, 3 T, d], a step's three after one another
    B, T, d = tokens[0].x.shape
    x = np.stack([t.x for t in tokens], 2).reshape(B, 3 * T, d)

    def back(g):
        for i, t in enumerate(tokens):
            to(t, g.reshape(B, T, 3, d)[:, :, i])
    return V(x, back, tuple(tokens))


def windows(a, s):
    T, ends = s['T'], a['ends'].astype(bool)
    N = len(ends)
    starts = np.zeros(N, int)
    last = np.zeros(N, int)
    for i in range(N):
        starts[i] = 0 if i == 0 else (i if ends[i - 1] else starts[i - 1])
    for i in reversed(range(N)):
        last[i] = i if ends[i] or i == N - 1 else last[i + 1]
    B = len(a['first'])
    w = {'s': np.zeros((B, T, a['observations'].shape[1])), 'a': np.zeros((B, T, a['actions'].shape[1])),
         'r': np.zeros((B, T, 1)), 'R': np.zeros((B, T, 1)), 't': np.zeros((B, T), int), 'valid': np.zeros((B, T, 1))}
    for b, first in enumerate(a['first'].astype(int)):
        for k in range(min(T, last[first] - first + 1)):
            i = first + k
            w['s'][b, k], w['a'][b, k], w['r'][b, k] = a['observations'][i], a['actions'][i], a['rewards'][i]
            w['R'][b, k] = a['rewards'][i:last[i] + 1].sum()
            w['t'][b, k], w['valid'][b, k] = i - starts[i], 1
    return w


def main(source, target):
    given = json.load(open(source))
    s = given['settings']
    a = {k: np.array(v['data'], float).reshape(v['shape']) for k, v in given['tensors'].items()}
    names = [k for k in a if k.startswith(('policy/', 'rewards/'))]
    p = {k: V(a[k]) for k in names}
    w = windows(a, s)
    B, T, H = len(a['first']), s['T'], s['heads']
    robust = s['method'] == 'rdt'
    d = p['policy/head_w'].x.shape[0]
    sites = iter(range(1000))

    def linear(x, name):
        return x @ p[f'policy/{name}_w'] + p[f'policy/{name}_b']

    def norm(x, name):
        return layer_norm(x, p[f'policy/{name}_scale'], p[f'policy/{name}_shift'])

    def dropped(x):
        keep = a.get(f'keep{next(sites)}')
        return x if keep is None else x * keep.reshape(x.x.shape)

    time = p['policy/time'].take(w['t'])
    x = stack([linear(V(w['R'] * s['reward_scale']), 'return') + time, linear(V(w['s']), 'observation') + time,
               linear(V(w['a']), 'action') + time])
    x = dropped(norm(x, 'norm'))
    # A token sees itself and those before it; what lies behind a window's end is seen by nobody who counts.
    sees = np.where(np.tril(np.ones((3 * T, 3 * T))) > 0, 0.0, -1e300)
    read = [1, 2] if robust else [1]
    for l in range(s['layers']):
        L = f'layer{l}/'
        qkv = linear(norm(x, L + 'norm1'), L + 'qkv').shaped((B, 3 * T, 3, H, d // H)).turned(2, 0, 3, 1, 4)
        q, k, v = (qkv.take(i) for i in range(3))
        y = softmax(q @ k.turned(0, 1, 3, 2) * (1 / math.sqrt(d // H)) + V(sees)) @ v
        y = y.turned(0, 2, 1, 3).shaped((B, 3 * T, d))
        if l + 1 == s['layers']:
            pick = np.ravel([[3 * t + i for i in read] for t in range(T)])
            x, y = x.take((slice(None), pick)), y.take((slice(None), pick))
        x = x + dropped(linear(y, L + 'out'))
        x = x + dropped(linear(gelu(linear(norm(x, L + 'norm2'), L + 'up')), L + 'down'))
    x = norm(x, 'last_norm')

    def tokens(i):
        return x.take((slice(None), np.arange(T) * len(read) + i))

    def error(predicted, wanted, weight):
        square = (predicted + V(-wanted)).apply(np.square, lambda z: 2 * z)
        weights = np.exp(-weight * square.x.mean(-1, keepdims=True))
        return (square * (weights * w['valid'] / wanted.size)).sum()

    actions = linear(tokens(0), 'head').apply(np.tanh, lambda z: 1 - np.tanh(z)**2)
    if robust:
        inner = gelu(tokens(1) @ p['rewards/w0'] + p['rewards/b0'])
        rewards = inner @ p['rewards/w1'] + p['rewards/b1']
        loss = error(actions, w['a'], s['action_weight'])
        loss = loss + error(rewards, w['r'] * s['reward_scale'], s['reward_weight']) * s['reward_coef']
    else:
        loss = error(actions, w['a'], 0)
    differentiate(loss)

    out = {'loss/policy': loss.x}
    total = math.sqrt(sum((p[n].g**2).sum() for n in names))
    clip = min(1.0, s['clip_norm'] / (total + 1e-6)) if s['clip_norm'] > 0 else 1.0
    t = s['step'] + 1
    lr = s['lr'] * min(1.0, t / s['warmup']) if s['warmup'] > 0 else s['lr']
    for n in names:
        g = p[n].g * clip
        m = 0.9 * a['adam_m/' + n] + 0.1 * g
        v = 0.999 * a['adam_v/' + n] + 0.001 * g * g
        step = lr * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        out['grad/' + n], out['new/' + n] = p[n].g, p[n].x * (1 - lr * s['decay']) - step
    json.dump({'tensors': {k: {'shape': list(np.shape(v)), 'data': np.ravel(v).tolist()} for k, v in out.items()}},
              open(target, 'w'))


main(*sys.argv[1:])
