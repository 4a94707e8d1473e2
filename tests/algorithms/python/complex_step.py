"""What the oracles of post-training steps share: the gradient of a loss by complex steps, f'(x) = Im f(x + ih) / h, so that
no derivative is written down; and AdamW's first step on it, held to a norm."""
import json

import numpy as np


def answer(source, target, rows_of, log_probs_of):
    """Reads INPUT, descends once on -sum c log pi over rows_of(p, settings) = [(..., c)], and writes OUTPUT.

    log_probs_of(p, row without c, settings): log pi of what counts in a row."""
    given = json.load(open(source))
    s = given['settings']
    arrays = {k: np.array(v['data'], float).reshape(v['shape']) for k, v in given['tensors'].items()}
    p = {k[len('policy/'):]: v.astype(complex) for k, v in arrays.items() if k.startswith('policy/')}
    rows = rows_of(p, s)

    def loss():
        return -sum((row[-1] * log_probs_of(p, row[:-1], s)).sum() for row in rows)

    out, grads = {'loss/policy': loss().real}, {}
    step = 1e-30
    for name, x in p.items():
        grads[name] = np.zeros(x.shape)
        for i in np.ndindex(x.shape):
            x[i] += 1j * step
            grads[name][i] = loss().imag / step
            x[i] = x[i].real
    total = np.sqrt(sum((g**2).sum() for g in grads.values()))
    scale = min(1, s['clip_norm'] / (total + 1e-6))
    for name, x in p.items():
        g = grads[name] * scale
        m, v = 0.1 * g, 0.001 * g * g
        new = x.real * (1 - s['lr'] * s['decay']) - s['lr'] * (m / 0.1) / (np.sqrt(v / 0.001) + 1e-8)
        out['grad/policy/' + name], out['new/policy/' + name] = grads[name], new
    json.dump({'tensors': {k: {'shape': list(np.shape(v)), 'data': np.ravel(v).tolist()} for k, v in out.items()}},
              open(target, 'w'))
