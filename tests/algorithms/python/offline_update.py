#!/usr/bin/env python3
"""Updates of BC, IQL or RIQL in float64 NumPy: the oracle that the engine's updates are compared with.

    offline_update.py INPUT OUTPUT      one update, or as many as INPUT has batches
    offline_update.py --self-test       its own gradients against central differences, and identities

It shares nothing with the engine: the passes backward are written out by hand, layer by layer.

INPUT and OUTPUT are either
  X.npz      arrays by name; settings as 0-d arrays settings/<key>
  X.json     {"settings": {...}, "tensors": {name: {"shape": [...], "data": [...]}}}
  X/         a folder with <name>.npy (a / in a name is a folder) and settings.json

Names in INPUT
  v/w0 v/b0 v/w1 v/b1 v/w2 v/b2     weights [in, out], biases [out]; likewise policy/...
  q/w0 ... q/b2, q_target/...       [K, in, out] and [K, out]
  policy/log_std                    [act], for the Gaussian policy
  observations [B, obs], actions [B, act], rewards [B], next_observations [B, obs], terminals [B]
  adam_m/<net>/<tensor>, adam_v/... Adam's moments; zero where missing
  raw/observations, raw/next_observations   optional: OUTPUT then has normalise/mean and normalise/std
  With the setting `steps` N, the batch's tensors have a leading axis of N batches, one an update.
Settings (defaults): method bc|iql|riql; policy deterministic (or gaussian); tau 0.7; beta 3; gamma 0.99;
  polyak 0.005; alpha 0.25; sigma 1; lr 3e-4; policy_steps 3000000 (the cosine's length); step 0 (updates
  done before this one); weight_cap 100; and, by default as the method has them: aggregate min|quantile,
  q_loss squared|huber, target_clamp true|false. bc_reduction mean|sum over the action's dimensions. sigma may be
  auto: the Huber loss's threshold, from `threshold` (1) on, follows the `quantile` (0.9) of |TD error|; likewise, where
  advantage_quantile (0) is not 0, advantage_scale (1) that of |advantage|, which then divides the weights' advantages.
  normalise (false): observations by what raw/... has; statistics moments, or medians.
  end_loss same, or squared: of rows whose terminal is 1, within the Huber loss; redescend (0): c of the policy's weights
  exp(-c mean square error); clamp [low, high] of the targets. The tensor trust [B, 4], where there is one, says how far
  each row's observation, action, reward and next observation are believed; imitation [B] multiplies the policy's weights.
Names in OUTPUT
  loss/v, loss/q, loss/policy; grad/<net>/<tensor>; new/<net>/<tensor> (targets included);
  adam_m/..., adam_v/... after the step; value/adv, value/weight, value/y, value/aggregate [B];
  rate/policy, the policy's learning rate at this step; threshold and advantage_scale, after it. Of several updates: the last one's, and
  mean/weight, mean/q [N].
"""
import json
import math
import os
import sys

import numpy as np

DEFAULTS = {
    'method': 'riql', 'policy': 'deterministic', 'tau': 0.7, 'beta': 3.0, 'gamma': 0.99, 'polyak': 0.005,
    'alpha': 0.25, 'sigma': 1.0, 'lr': 3e-4, 'policy_steps': 3_000_000, 'step': 0, 'weight_cap': 100.0,
    'bc_reduction': 'mean', 'steps': 1, 'threshold': 1.0, 'quantile': 0.9, 'normalise': False,
    'advantage_quantile': 0.0, 'advantage_scale': 1.0, 'end_loss': 'same', 'redescend': 0.0, 'clamp': (-100.0, 1000.0),
    'statistics': 'moments',
}
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
LOG_STD = (-5.0, 2.0)


# ---------------------------------------------------------------- networks

def mlp(p, net, x):
    """Output and what the pass backward needs. A leading K axis of the parameters is carried through."""
    w = [p[f'{net}/w{i}'] for i in range(3)]
    b = [p[f'{net}/b{i}'] for i in range(3)]
    z0 = x @ w[0] + b[0][..., None, :]
    h0 = np.where(z0 > 0, z0, 0.0)
    z1 = h0 @ w[1] + b[1][..., None, :]
    h1 = np.where(z1 > 0, z1, 0.0)
    out = h1 @ w[2] + b[2][..., None, :]
    return out, (x, z0, h0, z1, h1)


def mlp_backward(p, net, kept, d_out):
    """Gradients of sum(out * d_out) with respect to the network's six tensors."""
    x, z0, h0, z1, h1 = kept
    transposed = lambda m: np.swapaxes(m, -1, -2)
    g = {}
    g[f'{net}/w2'] = transposed(h1) @ d_out
    g[f'{net}/b2'] = d_out.sum(axis=-2)
    d1 = (d_out @ transposed(p[f'{net}/w2'])) * (z1 > 0)
    g[f'{net}/w1'] = transposed(h0) @ d1
    g[f'{net}/b1'] = d1.sum(axis=-2)
    d0 = (d1 @ transposed(p[f'{net}/w1'])) * (z0 > 0)
    g[f'{net}/w0'] = transposed(x) @ d0
    g[f'{net}/b0'] = d0.sum(axis=-2)
    return g


# ---------------------------------------------------------------- losses

def aggregate(q, s):
    """[K, B] -> [B]: the minimum, or the linearly interpolated alpha-quantile, over the critics."""
    if s['aggregate'] == 'min':
        return q.min(axis=0)
    ordered = np.sort(q, axis=0)
    position = (q.shape[0] - 1) * s['alpha']
    low = int(math.floor(position))
    high = int(math.ceil(position))
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def believed(batch, elements):
    """[B]: that the first elements of a row are all right, each by itself."""
    return np.prod(batch['trust'][:, :elements], axis=1) if 'trust' in batch else 1.0


def value_loss(p, batch, s):
    """mean(|tau - 1[adv < 0]| adv^2), adv = aggregate of the targets - V(s)."""
    x = np.concatenate([batch['observations'], batch['actions']], axis=1)
    q, _ = mlp(p, 'q_target', x)
    agg = aggregate(q[..., 0], s)
    v, kept = mlp(p, 'v', batch['observations'])
    adv = agg - v[:, 0]
    weight = np.abs(s['tau'] - (adv < 0)) * believed(batch, 2)
    loss = np.mean(weight * adv**2)
    grad = mlp_backward(p, 'v', kept, (-2 * weight * adv / adv.size)[:, None])
    return loss, grad, adv, agg


def critic_target(v_next, batch, s):
    y = batch['rewards'] + s['gamma'] * (1 - batch['terminals']) * v_next
    return np.clip(y, *s['clamp']) if s['target_clamp'] else y


def critic_loss(p, batch, y, s):
    """mean over critics and batch of (y - Q)^2, or of the Huber loss with threshold 1 / sigma^2."""
    x = np.concatenate([batch['observations'], batch['actions']], axis=1)
    q, kept = mlp(p, 'q', x)
    e = y[None, :] - q[..., 0]
    if s['q_loss'] == 'squared':
        each, slope = e**2, 2 * e
    else:
        d0 = s['threshold'] if s['sigma'] == 'auto' else 1.0 / s['sigma']**2
        inside = np.abs(e) < d0
        if s['end_loss'] == 'squared':
            inside = inside | (batch['terminals'][None, :] == 1)
        each = np.where(inside, e**2 / (2 * d0), np.abs(e) - d0 / 2)
        slope = np.where(inside, e / d0, np.sign(e))
    trust = believed(batch, 4)
    each, slope = each * trust, slope * trust
    grad = mlp_backward(p, 'q', kept, (-slope / e.size)[..., None])
    return np.mean(each), grad, e, q[..., 0]


def policy_loss(p, batch, weight, s):
    a = batch['actions']
    out, kept = mlp(p, 'policy', batch['observations'])
    mean = np.tanh(out) if s['policy'] == 'deterministic' else out
    weight = weight * batch.get('imitation', 1.0) * np.exp(-s['redescend'] * np.mean((mean - a)**2, axis=1))
    w = weight[:, None]
    n = a.shape[0]
    if s['policy'] == 'deterministic':
        pi = np.tanh(out)
        e = pi - a
        scale = 1.0 / n
        if s['method'] == 'bc' and s['bc_reduction'] == 'mean':
            scale = 1.0 / a.size
        loss = scale * np.sum(w * e**2)
        grad = mlp_backward(p, 'policy', kept, scale * 2 * w * e * (1 - pi**2))
        return loss, grad
    raw = p['policy/log_std']
    log_std = np.clip(raw, *LOG_STD)
    precision = np.exp(-2 * log_std)
    e = a - out
    log_prob = np.sum(-0.5 * e**2 * precision - log_std - 0.5 * math.log(2 * math.pi), axis=1)
    loss = -np.mean(weight * log_prob)
    grad = mlp_backward(p, 'policy', kept, -w * e * precision / n)
    clamp_open = (raw >= LOG_STD[0]) & (raw <= LOG_STD[1])
    grad['policy/log_std'] = np.sum(-w * (e**2 * precision - 1), axis=0) / n * clamp_open
    return loss, grad


# ---------------------------------------------------------------- one update

def adam(p, grads, moments, t, rate, out):
    for name, g in grads.items():
        m = BETA1 * moments.get(f'adam_m/{name}', 0.0) + (1 - BETA1) * g
        v = BETA2 * moments.get(f'adam_v/{name}', 0.0) + (1 - BETA2) * g * g
        denominator = np.sqrt(v) / math.sqrt(1 - BETA2**t) + EPSILON
        p[name] = p[name] - rate / (1 - BETA1**t) * m / denominator
        out[f'grad/{name}'] = g
        out[f'new/{name}'] = p[name]
        out[f'adam_m/{name}'] = m
        out[f'adam_v/{name}'] = v


def settle(settings):
    unknown = set(settings) - set(DEFAULTS) - {'aggregate', 'q_loss', 'target_clamp', 'K'}
    if unknown:
        raise SystemExit(f'offline_update.py: unknown settings {sorted(unknown)}')
    s = {**DEFAULTS, **settings}
    riql = s['method'] == 'riql'
    s.setdefault('aggregate', 'quantile' if riql else 'min')
    s.setdefault('q_loss', 'huber' if riql else 'squared')
    s.setdefault('target_clamp', riql)
    return s


def update(tensors, settings):
    s = settle(settings)
    p = {k: np.asarray(v, dtype=np.float64) for k, v in tensors.items()}
    batch = {k: p[k] for k in ('observations', 'actions', 'rewards', 'next_observations', 'terminals') if k in p}
    for k in ('trust', 'imitation'):
        if k in p:
            batch[k] = p[k]
    for k in ('rewards', 'terminals'):
        if k in batch:
            batch[k] = batch[k].reshape(-1)
    t = int(s['step']) + 1
    out = {}
    if 'raw/observations' in p:
        both = np.concatenate([p['raw/observations'], p['raw/next_observations']], axis=0)
        out['normalise/mean'] = both.mean(axis=0)
        out['normalise/std'] = both.std(axis=0) + 1e-3
        if s['statistics'] == 'medians':
            out['normalise/mean'] = np.sort(both, axis=0)[len(both) // 2]
            distance = np.sort(np.abs(both - out['normalise/mean']), axis=0)[len(both) // 2]
            out['normalise/std'] = np.where(distance > 0, 1.4826 * distance + 1e-3, out['normalise/std'])
        if s['normalise']:
            for k in ('observations', 'next_observations'):
                batch[k] = (batch[k] - out['normalise/mean']) / out['normalise/std']

    weight = np.ones(batch['observations'].shape[0])
    if s['method'] != 'bc':
        # 1. V(s') before V moves.
        v_next = mlp(p, 'v', batch['next_observations'])[0][:, 0]
        # 2. V
        out['loss/v'], grad_v, adv, agg = value_loss(p, batch, s)
        adam(p, grad_v, p, t, s['lr'], out)
        # 3. Q, then its targets
        y = critic_target(v_next, batch, s)
        out['loss/q'], grad_q, error, q = critic_loss(p, batch, y, s)
        outside = np.mean(np.abs(error) > s['threshold'])
        out['threshold'] = s['threshold'] * math.exp(0.02 * (outside - (1 - s['quantile'])))
        out['value/q'] = q
        adam(p, grad_q, p, t, s['lr'], out)
        for name in [k for k in p if k.startswith('q_target/')]:
            p[name] = (1 - s['polyak']) * p[name] + s['polyak'] * p['q/' + name.split('/')[1]]
            out[f'new/{name}'] = p[name]
        # 4. the policy's weights, from step 2's advantage, and from how far what it imitates is believed
        with np.errstate(over='ignore'):
            scale = s['advantage_scale'] if s['advantage_quantile'] > 0 else 1.0
            weight = np.minimum(np.exp(s['beta'] * adv / scale), s['weight_cap'])
        outside = np.mean(np.abs(adv) > scale)
        out['advantage_scale'] = scale * math.exp(0.02 * (outside - (1 - s['advantage_quantile'])))
        weight = weight * believed(batch, 2)
        out.update({'value/adv': adv, 'value/weight': weight, 'value/y': y, 'value/aggregate': agg})
    out['loss/policy'], grad_policy = policy_loss(p, batch, weight, s)
    rate = s['lr']
    if s['method'] != 'bc':
        rate = 0.5 * s['lr'] * (1 + math.cos(math.pi * int(s['step']) / s['policy_steps']))
    out['rate/policy'] = rate
    adam(p, grad_policy, p, t, rate, out)
    return out


BATCH = ('observations', 'actions', 'rewards', 'next_observations', 'terminals')


def updates(tensors, settings):
    """One update a batch, each from where the one before ended."""
    steps = int(settings.get('steps', 1))
    if steps == 1:
        return update(tensors, settings)
    tensors, settings, weights, values = dict(tensors), dict(settings), [], []
    batches = {k: tensors.pop(k) for k in BATCH}
    for i in range(steps):
        out = update({**tensors, **{k: batches[k][i] for k in BATCH}}, {**settings, 'step': i})
        for name, value in out.items():
            if name.startswith('new/'):
                tensors[name[4:]] = value
            elif name.startswith('adam_'):
                tensors[name] = value
        settings.update({k: out[k] for k in ('threshold', 'advantage_scale')})
        weights.append(np.mean(out['value/weight']))
        values.append(np.mean(out['value/q']))
    return {**out, 'mean/weight': np.array(weights), 'mean/q': np.array(values)}


# ---------------------------------------------------------------- files

def plain(value):
    value = np.asarray(value)
    return value.item() if value.ndim == 0 else value.tolist()


def load(path):
    if os.path.isdir(path):
        with open(os.path.join(path, 'settings.json')) as f:
            settings = json.load(f)
        tensors = {}
        for folder, _, files in os.walk(path):
            for file in files:
                if file.endswith('.npy'):
                    full = os.path.join(folder, file)
                    tensors[os.path.relpath(full, path)[:-4]] = np.load(full)
        return tensors, settings
    if path.endswith('.json'):
        with open(path) as f:
            content = json.load(f)
        tensors = {k: np.array(t['data'], dtype=np.float64).reshape(t['shape']) for k, t in content['tensors'].items()}
        return tensors, content.get('settings', {})
    arrays = dict(np.load(path))
    settings = {k.split('/', 1)[1]: plain(v) for k, v in arrays.items() if k.startswith('settings/')}
    return {k: v for k, v in arrays.items() if not k.startswith('settings/')}, settings


def store(path, arrays):
    arrays = {k: np.asarray(v, dtype=np.float64) for k, v in arrays.items()}
    if path.endswith('.npz'):
        np.savez(path, **arrays)
    elif path.endswith('.json'):
        tensors = {k: {'shape': list(v.shape), 'data': v.reshape(-1).tolist()} for k, v in arrays.items()}
        with open(path, 'w') as f:
            json.dump({'tensors': tensors}, f)
    else:
        for name, array in arrays.items():
            file = os.path.join(path, name + '.npy')
            os.makedirs(os.path.dirname(file), exist_ok=True)
            np.save(file, array)


# ---------------------------------------------------------------- self-test

def example(rng, members, policy='deterministic', rows=13, obs=5, act=3, hidden=7):
    t = {}
    for net, width_in, width_out, k in (('v', obs, 1, 0), ('q', obs + act, 1, members),
                                        ('q_target', obs + act, 1, members), ('policy', obs, act, 0)):
        widths = [width_in, hidden, hidden, width_out]
        for i in range(3):
            lead = (k,) if k else ()
            t[f'{net}/w{i}'] = rng.normal(size=lead + (widths[i], widths[i + 1])) / math.sqrt(widths[i])
            t[f'{net}/b{i}'] = 0.3 * rng.normal(size=lead + (widths[i + 1],))
    if policy == 'gaussian':
        t['policy/log_std'] = rng.normal(size=act) * 0.3
    t['observations'] = rng.normal(size=(rows, obs))
    t['next_observations'] = rng.normal(size=(rows, obs))
    t['actions'] = rng.uniform(-1, 1, size=(rows, act))
    t['rewards'] = rng.normal(size=rows) * 2
    t['terminals'] = (rng.uniform(size=rows) < 0.2).astype(np.float64)
    return t


def self_test():
    rng = np.random.default_rng(7)
    checked, worst = 0, 0.0
    loss_of = {'v': 'loss/v', 'q': 'loss/q', 'policy': 'loss/policy'}
    for settings in ({'method': 'bc'}, {'method': 'bc', 'policy': 'gaussian'}, {'method': 'bc', 'bc_reduction': 'sum'},
                     {'method': 'iql'}, {'method': 'iql', 'policy': 'gaussian'},
                     {'method': 'riql', 'alpha': 0.25, 'sigma': 1.0}, {'method': 'riql', 'alpha': 0.1, 'sigma': 0.5},
                     {'method': 'riql', 'alpha': 0.5, 'sigma': 3.0, 'policy': 'gaussian'}):
        members = 5 if settings['method'] == 'riql' else 2
        t = example(rng, members, settings.get('policy', 'deterministic'))
        out = update(t, settings)
        for name in [k[5:] for k in out if k.startswith('grad/')]:
            loss = loss_of[name.split('/')[0]]
            flat = np.asarray(t[name]).reshape(-1)
            for i in rng.choice(flat.size, size=min(flat.size, 12), replace=False):
                h = 1e-6
                ends = []
                for sign in (1, -1):
                    moved = dict(t)
                    moved[name] = t[name].copy()
                    moved[name].reshape(-1)[i] += sign * h
                    ends.append(update(moved, settings)[loss])
                numeric = (ends[0] - ends[1]) / (2 * h)
                exact = out['grad/' + name].reshape(-1)[i]
                error = abs(numeric - exact) / max(1e-3, abs(exact))
                assert error < 1e-5, (settings, name, i, numeric, exact)
                worst = max(worst, error)
                checked += 1
    # Two critics and alpha = 0: the quantile is the minimum.
    t = example(rng, 2)
    one = update(t, {'method': 'iql'})
    other = update(t, {'method': 'iql', 'aggregate': 'quantile', 'alpha': 0.0})
    assert all(np.array_equal(one[k], other[k]) for k in one)
    # NumPy's own quantile agrees with ours.
    q = rng.normal(size=(5, 11))
    for alpha in (0.0, 0.1, 0.25, 0.5, 0.9, 1.0):
        ours = aggregate(q, {'aggregate': 'quantile', 'alpha': alpha})
        assert np.allclose(ours, np.quantile(q, alpha, axis=0), rtol=1e-14, atol=1e-14)
    # A sigma near 0: the Huber loss is the squared one over twice its threshold.
    squared = update(t, {'method': 'iql'})
    huber = update(t, {'method': 'iql', 'q_loss': 'huber', 'sigma': 1e-3})
    assert np.isclose(huber['loss/q'] * 2e6, squared['loss/q'], rtol=1e-12)
    # Adam's first step moves every parameter that has a gradient by almost exactly the learning rate.
    step = np.abs(squared['new/q/w1'] - t['q/w1'])[np.abs(squared['grad/q/w1']) > 1e-3]
    assert np.allclose(step, 3e-4, rtol=1e-4)
    # The cosine: whole at its start, half at its middle, nothing at its end.
    for done, share in ((0, 1.0), (500, 0.5), (1000, 0.0)):
        rate = update(t, {'method': 'iql', 'step': done, 'policy_steps': 1000})['rate/policy']
        assert abs(rate - share * 3e-4) < 1e-18
    # The clamp holds RIQL's targets, and only RIQL's.
    t['rewards'][:] = 5000.0
    assert update(t, {'method': 'riql'})['value/y'].max() == 1000.0
    assert update(t, {'method': 'iql'})['value/y'].max() > 1000.0
    print(f'ok: {checked} derivatives agree with central differences, worst relative error {worst:.1e}')


def program(arguments, usage, step, check):
    """What these oracles are as programs: step(tensors, settings) from one file into another, or their own check."""
    if arguments == ['--self-test']:
        check()
        return 0
    if len(arguments) != 2:
        print(usage, file=sys.stderr)
        return 2
    tensors, settings = load(arguments[0])
    store(arguments[1], step(tensors, settings))
    return 0


if __name__ == '__main__':
    sys.exit(program(sys.argv[1:], __doc__, updates, self_test))
