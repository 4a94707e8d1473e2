"""What the programs in JAX share: networks, Adam, and the whole loop in one jitted scan, over agents by vmap."""
import os

import setting
from setting import HIDDEN

a = setting.arguments('JAX')
if a.graph:
    raise SystemExit('JAX: --graph is for torch_step.py; here the loop is one program already')
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


def make_mlp(key, n_in, n_out, lead=(), hidden=2):
    layers = []
    widths = [n_in] + hidden * [HIDDEN] + [n_out]
    for w_in, w_out in zip(widths, widths[1:]):
        key, kw, kb = jax.random.split(key, 3)
        r = w_in**-0.5
        layers.append((jax.random.uniform(kw, lead + (w_in, w_out), minval=-r, maxval=r),
                       jax.random.uniform(kb, lead + (1, w_out), minval=-r, maxval=r)))
    return layers


def mlp(layers, x, norm=False):
    """norm: a layer norm behind each hidden layer's ReLU, without parameters of its own."""
    for i, (w, b) in enumerate(layers):
        x = x @ w + b
        if i + 1 < len(layers):
            x = jax.nn.relu(x)
            if norm:
                x = (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)
    return x


def follow(target, now, rate):
    return jax.tree.map(lambda o, n: (1 - rate) * o + rate * n, target, now)


def adam_start(p):
    return {'m': jax.tree.map(jnp.zeros_like, p), 'v': jax.tree.map(jnp.zeros_like, p)}


def adam(p, g, o, t, rate):
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, o['m'], g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, o['v'], g)
    c1, c2 = 1 - 0.9**t, jnp.sqrt(1 - 0.999**t)
    p = jax.tree.map(lambda p, m, v: p - rate / c1 * m / (jnp.sqrt(v) / c2 + 1e-8), p, m, v)
    return p, {'m': m, 'v': v}


def run_steps(start, step):
    """start(key): an agent's state; step(state, _) -> state, losses. Times them and prints the line."""
    def loop(s):
        return jax.lax.scan(step, s, None, length=STEPS)

    seeds = jax.random.split(jax.random.key(0), a.agents)
    if a.agents == 1:
        state, loop = start(seeds[0]), jax.jit(loop, donate_argnums=0)
    else:
        state, loop = jax.vmap(start)(seeds), jax.jit(jax.vmap(loop), donate_argnums=0)

    def run():
        nonlocal state
        state, losses = loop(state)
        jax.block_until_ready(state)
        assert all(bool(jnp.isfinite(v).all()) for v in losses.values())

    setting.report('jax', jax.__version__, a, *setting.measure(run, STEPS, a))
