"""BC and what learns in sample (IQL, XQL, SQL, RIQL) in JAX, the whole loop in one jitted scan:
jax_step.py METHOD [--agents N] [--threads N] [--device cuda] [--precision tf32]"""
from jax_loop import K, a, adam, adam_start, data, jax, jnp, make_mlp, mlp, run_steps

import setting
from setting import ACT, ALPHA, BATCH, BETA, CLAMP, GAMMA, LR, OBS, POLYAK, ROWS, SIGMA, TAU, WEIGHT_CAP


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


def value_loss(adv, v):
    if a.method == 'xql':  # Gumbel regression, temperature 1, by the batch's largest error
        z = jnp.minimum(adv, 7.0)
        top = jnp.clip(jax.lax.stop_gradient(z).max(), -1.0, 7.0)
        return jnp.exp(z - top) - z * jnp.exp(-top) - jnp.exp(-top)
    if a.method == 'sql':  # alpha 1
        w = 1 + adv / 2
        return jnp.where(w > 0, w * w, 0.0) + v
    return jnp.abs(TAU - (adv < 0)) * adv**2


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
            return jnp.mean(value_loss(adv, agg - adv)), adv
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
        if a.method == 'sql':
            weight = jnp.clip(1 + adv / 2, 0, WEIGHT_CAP)
        else:
            weight = jnp.minimum(jnp.exp(BETA * adv), WEIGHT_CAP)

    def loss_policy(p):
        return jnp.mean(weight * jnp.sum((jnp.tanh(mlp(p, obs)) - act)**2, axis=1))
    losses['policy'], g = jax.value_and_grad(loss_policy)(s['policy'])
    rate = 0.5 * LR * (1 + jnp.cos(jnp.pi * (t - 1) / setting.POLICY_STEPS)) if K else LR
    s['policy'], s['policy_adam'] = adam(s['policy'], g, s['policy_adam'], t, rate)
    return s, losses


run_steps(start, step)
