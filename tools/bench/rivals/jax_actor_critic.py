"""The offline actor-critics in JAX, the whole loop in one jitted scan, with the sizes of `hardy bench METHOD`:
jax_actor_critic.py METHOD [--agents N] [--threads N] [--device cuda] [--precision tf32]"""
from jax_loop import K, a, adam, adam_start, data, follow, jax, jnp, make_mlp, mlp, run_steps

from setting import ACT, GAMMA, LR, OBS, POLYAK, ROWS

METHOD = a.method
TD3 = METHOD in ('td3_bc', 'rebrac')
SOFT = METHOD in ('msg', 'uw_msg', 'sac_n', 'edac', 'cql')
HIDDEN_LAYERS = 2 if METHOD == 'td3_bc' else 3
BATCH = 1024 if METHOD == 'rebrac' else 256
RATE = 1e-3 if METHOD == 'rebrac' else LR
PROPOSALS = 10  # of CQL, of each kind


def start(key):
    kp, kq, key = jax.random.split(key, 3)
    s = {'key': key, 't': jnp.zeros((), jnp.float32),
         'pi': make_mlp(kp, OBS, 2 * ACT if SOFT else ACT, (), HIDDEN_LAYERS),
         'q': make_mlp(kq, OBS + ACT, 1, (K,), HIDDEN_LAYERS)}
    s['q_target'] = jax.tree.map(jnp.copy, s['q'])
    if TD3:
        s['pi_target'] = jax.tree.map(jnp.copy, s['pi'])
    if SOFT:
        s['log_alpha'] = jnp.zeros(())
        s['alpha_adam'] = adam_start(s['log_alpha'])
    if METHOD == 'awac':
        s['pi'] = {'net': s['pi'], 'log_std': jnp.zeros(ACT)}
    s['pi_adam'], s['q_adam'] = adam_start(s['pi']), adam_start(s['q'])
    return s


def values(q, obs, act):  # of all critics [K, B]
    return mlp(q, jnp.concatenate([obs, act], axis=-1), norm=METHOD == 'rebrac')[..., 0]


def squashed(pi, obs, noise):  # action, log density
    mean, log_std = jnp.split(mlp(pi, obs), 2, axis=-1)
    log_std = jnp.clip(log_std, -20, 2)
    u = mean + jnp.exp(log_std) * noise
    log_p = -0.5 * noise**2 - log_std - 0.919 - 2 * (0.6931 - u - jax.nn.softplus(-2 * u))
    return jnp.tanh(u), log_p.sum(-1)


def normal_policy(pi, obs, noise):
    return jnp.clip(mlp(pi['net'], obs) + jnp.exp(jnp.clip(pi['log_std'], -5, 2)) * noise, -1, 1)


def step(s, _):
    s = dict(s)
    s['key'], kr, kn, ka, kp = jax.random.split(s['key'], 5)
    s['t'] = t = s['t'] + 1
    rows = jax.random.randint(kr, (BATCH,), 0, ROWS)
    obs, act, next_obs = data['observations'][rows], data['actions'][rows], data['next_observations'][rows]
    reward, going = data['rewards'][rows], GAMMA * (1 - data['terminals'][rows])
    noise, next_noise = jax.random.normal(ka, (BATCH, ACT)), jax.random.normal(kn, (BATCH, ACT))
    losses = {}
    if SOFT:
        s = soft_actor(s, obs, noise, losses)
    if TD3:
        aim = jnp.tanh(mlp(s['pi_target'], next_obs)) + jnp.clip(0.2 * next_noise, -0.5, 0.5)
        next_act = jnp.clip(aim, -1, 1)
        q_next = values(s['q_target'], next_obs, next_act).min(axis=0)
        if METHOD == 'rebrac':
            q_next -= jnp.sum((next_act - data['actions'][(rows + 1) % ROWS])**2, axis=1)
    elif METHOD == 'awac':
        q_next = values(s['q_target'], next_obs, normal_policy(s['pi'], next_obs, next_noise)).min(axis=0)
    else:
        next_act, log_p = squashed(s['pi'], next_obs, next_noise)
        q_next = values(s['q_target'], next_obs, next_act)
        if METHOD not in ('msg', 'uw_msg'):
            q_next = q_next.min(axis=0)
        if METHOD != 'cql':
            q_next -= jnp.exp(s['log_alpha']) * log_p
    y = reward + going * q_next

    def loss_q(q):
        q_now = values(q, obs, act)
        error = (q_now - y)**2
        if METHOD == 'uw_msg':
            error /= jnp.clip(0.3 * jax.lax.stop_gradient(q_now.std(axis=0, ddof=1)), 1, 10)
        loss = error.mean(axis=-1).sum()
        if METHOD == 'edac':
            slopes = jax.grad(lambda x: values(q, jnp.broadcast_to(obs, (K, BATCH, OBS)), x).sum())(
                jnp.broadcast_to(act, (K, BATCH, ACT)))
            unit = slopes / (jnp.linalg.norm(slopes, axis=-1, keepdims=True) + 1e-10)
            apart = (unit.sum(axis=0)**2).sum(-1) - (unit**2).sum(axis=(0, 2))
            loss += apart.mean() / (K - 1)
        if METHOD == 'cql':
            loss += 10 * (proposals(q, s, obs, next_obs, kp) - q_now).mean(axis=-1).sum()
        return loss
    losses['q'], g = jax.value_and_grad(loss_q)(s['q'])
    s['q'], s['q_adam'] = adam(s['q'], g, s['q_adam'], t, RATE)
    if TD3:
        return jax.lax.cond(t % 2 == 0, lambda s: td3_actor(s, obs, act), lambda s: s, s), losses
    s['q_target'] = follow(s['q_target'], s['q'], POLYAK)
    if METHOD == 'awac':
        own = normal_policy(s['pi'], obs, noise)
        advantage = values(s['q'], obs, act).min(axis=0) - values(s['q'], obs, own).min(axis=0)
        weight = jnp.minimum(jnp.exp(advantage), 100.0)

        def loss_pi(pi):
            log_std = jnp.clip(pi['log_std'], -5, 2)
            z = (act - mlp(pi['net'], obs)) * jnp.exp(-log_std)
            return jnp.mean(weight * (0.5 * z * z + log_std).sum(-1))
        losses['policy'], g = jax.value_and_grad(loss_pi)(s['pi'])
        s['pi'], s['pi_adam'] = adam(s['pi'], g, s['pi_adam'], t, RATE)
    return s, losses


def soft_actor(s, obs, noise, losses):
    def loss_pi(pi):
        action, log_p = squashed(pi, obs, noise)
        q = values(s['q'], obs, action)
        bound = q.mean(axis=0) - q.std(axis=0, ddof=1) if METHOD in ('msg', 'uw_msg') else q.min(axis=0)
        return jnp.mean(jnp.exp(s['log_alpha']) * log_p - bound), log_p
    (losses['policy'], log_p), g = jax.value_and_grad(loss_pi, has_aux=True)(s['pi'])
    s['pi'], s['pi_adam'] = adam(s['pi'], g, s['pi_adam'], s['t'], RATE)
    s['log_alpha'], s['alpha_adam'] = adam(s['log_alpha'], -jnp.mean(log_p - ACT), s['alpha_adam'], s['t'], RATE)
    return s


def td3_actor(s, obs, act):
    def loss_pi(pi):
        action = jnp.tanh(mlp(pi, obs))
        q = values(s['q'], obs, action)
        q = q.min(axis=0) if METHOD == 'rebrac' else q[0]
        scale = (1 if METHOD == 'rebrac' else 2.5) / jnp.abs(jax.lax.stop_gradient(q)).mean()
        distance = (action - act)**2
        return (distance.sum(-1) if METHOD == 'rebrac' else distance).mean() - scale * q.mean()
    g = jax.grad(loss_pi)(s['pi'])
    s = dict(s)
    s['pi'], s['pi_adam'] = adam(s['pi'], g, s['pi_adam'], s['t'] // 2, RATE)
    s['pi_target'], s['q_target'] = follow(s['pi_target'], s['pi'], POLYAK), follow(s['q_target'], s['q'], POLYAK)
    return s


def proposals(q, s, obs, next_obs, key):
    """log sum exp of Q less the density over uniform actions and the policy's at s and s' [K, B]."""
    ku, kn, km = jax.random.split(key, 3)
    again = jnp.repeat(obs, PROPOSALS, axis=0)

    def of_policy(states, key):
        drawn = squashed(s['pi'], jnp.repeat(states, PROPOSALS, axis=0), jax.random.normal(key, (again.shape[0], ACT)))
        return jax.lax.stop_gradient(drawn)
    some = [(jax.random.uniform(ku, (again.shape[0], ACT), minval=-1, maxval=1), -ACT * 0.6931),
            of_policy(obs, kn), of_policy(next_obs, km)]
    of_each = [(values(q, again, action) - density).reshape(K, BATCH, PROPOSALS) for action, density in some]
    return jax.nn.logsumexp(jnp.concatenate(of_each, axis=2), axis=2)


run_steps(start, step)
