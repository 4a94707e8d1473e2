"""BC, IQL and RIQL in JAX, the whole loop in one jitted scan:  jax_step.py METHOD [--agents N] [--threads N]
[--device cuda] [--precision tf32]"""
import os

import setting
from setting import ACT, ALPHA, BATCH, BETA, CLAMP, GAMMA, HIDDEN, LR, OBS, POLYAK, ROWS, SIGMA, TAU, WEIGHT_CAP

a = setting.arguments('JAX')
if a.graph:
    raise SystemExit('jax_step.py: --graph is for torch_step.py; here the loop is one program already')
os.environ['JAX_PLATFORMS'] = a.device
os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'] = 'false'  # others are on the same GPU

import jax  # noqa: E402  (after the threads are set)
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

if a.device == 'cuda':  # said, because JAX's own default rounds operands to TF32 there
    jax.config.update('jax_default_matmul_precision', {'f32': 'highest', 'tf32': 'tensorfloat32'}[a.precision])
STEPS = 100
K = setting.CRITICS[a.method]
data = {k: jnp.asarray(v) for k, v in setting.dataset(np).items()}


def make_mlp(key, n_in, n_out, lead=()):
    layers = []
    for w_in, w_out in ((n_in, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, n_out)):
        key, kw, kb = jax.random.split(key, 3)
        r = w_in**-0.5
        layers.append((jax.random.uniform(kw, lead + (w_in, w_out), minval=-r, maxval=r),
                       jax.random.uniform(kb, lead + (1, w_out), minval=-r, maxval=r)))
    return layers


def mlp(layers, x):
    for i, (w, b) in enumerate(layers):
        x = x @ w + b
        if i < 2:
            x = jax.nn.relu(x)
    return x


def adam_start(p):
    return {'m': jax.tree.map(jnp.zeros_like, p), 'v': jax.tree.map(jnp.zeros_like, p)}


def adam(p, g, o, t, rate):
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, o['m'], g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, o['v'], g)
    c1, c2 = 1 - 0.9**t, jnp.sqrt(1 - 0.999**t)
    p = jax.tree.map(lambda p, m, v: p - rate / c1 * m / (jnp.sqrt(v) / c2 + 1e-8), p, m, v)
    return p, {'m': m, 'v': v}


def start(key):
    kv, kq, kp, key = jax.random.split(key, 4)
    s = {'key': key, 't': jnp.zeros((), jnp.float32), 'policy': make_mlp(kp, OBS, ACT)}
    s['policy_adam'] = adam_start(s['policy'])
    if K:
        s['v'], s['q'] = make_mlp(kv, OBS, 1), make_mlp(kq, OBS + ACT, 1, (K,))
        s['q_target'] = jax.tree.map(jnp.copy, s['q'])
        s['v_adam'], s['q_adam'] = adam_start(s['v']), adam_start(s['q'])
    return s


def quantile(q):
    ordered = jnp.sort(q, axis=0)
    position = (K - 1) * ALPHA
    low = int(position)
    high = min(low + 1, K - 1)
    return ordered[low] + (position - low) * (ordered[high] - ordered[low])


def huber(x):
    d0 = 1 / SIGMA**2
    return jnp.where(jnp.abs(x) < d0, x * x / (2 * d0), jnp.abs(x) - d0 / 2)


def step(s, _):
    s = dict(s)
    s['key'], k = jax.random.split(s['key'])
    s['t'] = t = s['t'] + 1
    rows = jax.random.randint(k, (BATCH,), 0, ROWS)
    obs, act = data['observations'][rows], data['actions'][rows]
    weight, losses = jnp.ones(BATCH), {}
    if K:
        x = jnp.concatenate([obs, act], axis=1)
        v_next = mlp(s['v'], data['next_observations'][rows])[:, 0]
        q_all = mlp(s['q_target'], x)[..., 0]
        agg = quantile(q_all) if a.method == 'riql' else q_all.min(axis=0)

        def loss_v(v):
            adv = agg - mlp(v, obs)[:, 0]
            return jnp.mean(jnp.abs(TAU - (adv < 0)) * adv**2), adv
        (losses['v'], adv), g = jax.value_and_grad(loss_v, has_aux=True)(s['v'])
        s['v'], s['v_adam'] = adam(s['v'], g, s['v_adam'], t, LR)

        y = data['rewards'][rows] + GAMMA * (1 - data['terminals'][rows]) * v_next
        y = jnp.clip(y, *CLAMP) if a.method == 'riql' else y

        def loss_q(q):
            e = y - mlp(q, x)[..., 0]
            return jnp.mean(huber(e) if a.method == 'riql' else e * e)
        losses['q'], g = jax.value_and_grad(loss_q)(s['q'])
        s['q'], s['q_adam'] = adam(s['q'], g, s['q_adam'], t, LR)
        s['q_target'] = jax.tree.map(lambda o, n: (1 - POLYAK) * o + POLYAK * n, s['q_target'], s['q'])
        weight = jnp.minimum(jnp.exp(BETA * adv), WEIGHT_CAP)

    def loss_policy(p):
        return jnp.mean(weight * jnp.sum((jnp.tanh(mlp(p, obs)) - act)**2, axis=1))
    losses['policy'], g = jax.value_and_grad(loss_policy)(s['policy'])
    rate = 0.5 * LR * (1 + jnp.cos(jnp.pi * (t - 1) / setting.POLICY_STEPS)) if K else LR
    s['policy'], s['policy_adam'] = adam(s['policy'], g, s['policy_adam'], t, rate)
    return s, losses


def loop(s):
    return jax.lax.scan(step, s, None, length=STEPS)


seeds = jax.random.split(jax.random.key(0), a.agents)
if a.agents == 1:
    state, loop = start(seeds[0]), jax.jit(loop, donate_argnums=0)
else:
    state, loop = jax.vmap(start)(seeds), jax.jit(jax.vmap(loop), donate_argnums=0)


def run():
    global state
    state, losses = loop(state)
    jax.block_until_ready(state)
    assert all(bool(jnp.isfinite(v).all()) for v in losses.values())


setting.report('jax', jax.__version__, a, *setting.measure(run, STEPS, a))
