#!/usr/bin/env python3
"""One step of TD3+BC, ReBRAC, AWAC, SAC-N, EDAC, MSG, UW-MSG, CQL, XQL or SQL in float64 NumPy: the oracle of the engine's.

    actor_critic_update.py INPUT OUTPUT     one step
    actor_critic_update.py --self-test      identities between the methods, the density of a squashed normal

Losses are written as the papers have them; their gradients are central differences, so that no derivative is
written down twice. Files and layers are those of offline_update.py. A step is a list of descents in order, each
from what the ones before it left.

Names in INPUT
  policy/..., policy_target/... (td3_bc), policy/log_std (awac), q/..., q_target/... [K, in, out], log_alpha [1],
  v/... (xql, sql); policy_target/... and q/scale0 q/shift0 ... (rebrac), next_actions [B, act]
  observations, actions, rewards, next_observations, terminals; noise, next_noise [B, act]
  proposals [3 B n, act] (cql): uniform actions' normals, then those of the policy at s, then at s'
Settings: method; gamma 0.99, polyak 0.005, lr 3e-4, policy_lr (lr), step 0, and each method's own below.
Names in OUTPUT
  loss/..., grad/..., new/..., value/... as in offline_update.py
"""
import math
import sys

import numpy as np

from offline_update import adam, mlp, program

DEFAULTS = {
    'td3_bc': {'alpha': 2.5, 'policy_noise': 0.2, 'noise_clip': 0.5, 'policy_every': 2},
    'rebrac': {'actor_bc_coef': 1.0, 'critic_bc_coef': 1.0, 'normalise_q': True, 'policy_noise': 0.2, 'noise_clip': 0.5,
               'policy_every': 2},
    'awac': {'lambda': 1.0, 'weight_cap': 100.0},
    'sac_n': {},
    'edac': {'eta': 1.0},
    'msg': {'pessimism': 4.0},
    'uw_msg': {'pessimism': 4.0, 'uncertainty_ratio': 0.3, 'uncertainty_min': 1.0, 'uncertainty_max': 10.0},
    'xql': {'loss_temp': 1.0, 'max_clip': 7.0, 'beta': 3.0, 'weight_cap': 100.0},
    'sql': {'alpha': 1.0, 'weight_cap': 100.0},
    'cql': {'conservatism': 10.0, 'proposals': 10},
}


def critics(p, net, s, a):
    """[K, B]; s and a are [B, ...] for all members, or [K, B, ...]."""
    x = np.concatenate([s, a], axis=-1)
    if f'{net}/scale0' in p:
        return layer_normed(p, net, x)[..., 0]
    return mlp(p, net, x)[0][..., 0]


def layer_normed(p, net, x):
    """As mlp, with each hidden layer's ReLUs brought to mean 0 and variance 1 over the layer, scaled and shifted."""
    for i in range(2):
        x = np.maximum(x @ p[f'{net}/w{i}'] + p[f'{net}/b{i}'][..., None, :], 0)
        x = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-6)
        x = p[f'{net}/scale{i}'][..., None, :] * x + p[f'{net}/shift{i}'][..., None, :]
    return x @ p[f'{net}/w2'] + p[f'{net}/b2'][..., None, :]


def mean_over(p, s):
    return mlp(p, 'policy', s)[0]


def squashed(p, s, noise):
    """a = tanh(u), u ~ N(mean, std) by its noise, and log pi(a)."""
    out = mlp(p, 'policy', s)[0]
    act = noise.shape[1]
    mean, log_std = out[:, :act], np.clip(out[:, act:], -20, 2)
    u = mean + np.exp(log_std) * noise
    log_slope = math.log(4) - 2 * np.logaddexp(u, -u)
    return np.tanh(u), np.sum(-0.5 * noise**2 - log_std - 0.5 * math.log(2 * math.pi) - log_slope, axis=1)


def squares(q, y):
    """Each member's mean squared error, added up."""
    return np.sum(np.mean((q - y)**2, axis=1))


def slopes_in_actions(p, s, a):
    """dQ_i/da at the data [K, B, act]: back through the layers, whose ReLUs are open or shut."""
    _, (_, z0, _, z1, _) = mlp(p, 'q', np.concatenate([s, a], axis=1))
    transposed = lambda m: np.swapaxes(m, -1, -2)
    d1 = transposed(p['q/w2']) * (z1 > 0)
    d0 = (d1 @ transposed(p['q/w1'])) * (z0 > 0)
    return (d0 @ transposed(p['q/w0']))[..., s.shape[1]:]


class Step:
    def __init__(self, tensors, settings):
        method = settings['method']
        self.s = {'gamma': 0.99, 'polyak': 0.005, 'lr': 3e-4, 'step': 0, **DEFAULTS[method], **settings}
        self.s.setdefault('policy_lr', self.s['lr'])
        self.p = {k: np.asarray(v, dtype=np.float64) for k, v in tensors.items()}
        self.out = {}
        getattr(self, method)()

    def __getattr__(self, name):  # the batch
        return self.p[name]

    def descend(self, name, loss, nets, rate=None, done=0):
        """One Adam step down loss(p) for every tensor of the nets, by central differences."""
        p, grads = self.p, {}
        self.out[f'loss/{name}'] = loss(p)
        for key in [k for k in p if any(k == n or k.startswith(n + '/') for n in nets)]:
            grad = np.zeros(p[key].size)
            for i in range(grad.size):
                ends = []
                for h in (1e-6, -1e-6):
                    moved = {**p, key: p[key].copy()}
                    moved[key].reshape(-1)[i] += h
                    ends.append(loss(moved))
                grad[i] = (ends[0] - ends[1]) / 2e-6
            grads[key] = grad.reshape(p[key].shape)
        adam(p, grads, p, done + 1, self.s['lr'] if rate is None else rate, self.out)

    def follow(self, net):
        for key in [k for k in self.p if k.startswith(f'{net}_target/')]:
            source = net + '/' + key.split('/')[1]
            self.p[key] = (1 - self.s['polyak']) * self.p[key] + self.s['polyak'] * self.p[source]
            self.out[f'new/{key}'] = self.p[key]

    def bootstrap(self, value):
        return self.rewards + self.s['gamma'] * (1 - self.terminals) * value

    # ------------------------------------------------------------- deterministic, and Gaussian by weights

    def td3_bc(self):
        s, p = self.s, self.p
        noise = np.clip(s['policy_noise'] * self.next_noise, -s['noise_clip'], s['noise_clip'])
        aim = np.clip(np.tanh(mlp(p, 'policy_target', self.next_observations)[0]) + noise, -1, 1)
        y = self.bootstrap(critics(p, 'q_target', self.next_observations, aim).min(axis=0))
        self.descend('q', lambda p: squares(critics(p, 'q', self.observations, self.actions), y), ['q'],
                     done=s['step'])
        if (s['step'] + 1) % s['policy_every'] != 0:
            return
        at_start = critics(self.p, 'q', self.observations, np.tanh(mean_over(self.p, self.observations)))[0]
        weight = s['alpha'] / np.mean(np.abs(at_start))

        def loss(p):
            a = np.tanh(mean_over(p, self.observations))
            return np.mean((a - self.actions)**2) - weight * np.mean(critics(p, 'q', self.observations, a)[0])

        self.descend('policy', loss, ['policy'], s['policy_lr'], s['step'] // s['policy_every'])
        self.follow('policy')
        self.follow('q')

    def rebrac(self):
        s, p = self.s, self.p
        noise = np.clip(s['policy_noise'] * self.next_noise, -s['noise_clip'], s['noise_clip'])
        aim = np.clip(np.tanh(mlp(p, 'policy_target', self.next_observations)[0]) + noise, -1, 1)
        away = np.sum((aim - self.next_actions)**2, axis=1)
        q_next = critics(p, 'q_target', self.next_observations, aim).min(axis=0)
        y = self.bootstrap(q_next - s['critic_bc_coef'] * away)
        self.descend('q', lambda p: squares(critics(p, 'q', self.observations, self.actions), y), ['q'],
                     done=s['step'])
        if (s['step'] + 1) % s['policy_every'] != 0:
            return
        act = lambda p: np.tanh(mean_over(p, self.observations))
        at_start = critics(self.p, 'q', self.observations, act(self.p)).min(axis=0)
        weight = 1 / np.mean(np.abs(at_start)) if s['normalise_q'] else 1.0

        def loss(p):
            away = np.sum((act(p) - self.actions)**2, axis=1)
            return np.mean(s['actor_bc_coef'] * away - weight * critics(p, 'q', self.observations, act(p)).min(axis=0))

        self.descend('policy', loss, ['policy'], s['policy_lr'], s['step'] // s['policy_every'])
        self.follow('policy')
        self.follow('q')

    def awac(self):
        s = self.s
        std = np.exp(np.clip(self.p['policy/log_std'], -5, 2))
        draw = lambda p, at, noise: np.clip(mean_over(p, at) + std * noise, -1, 1)
        next_action = draw(self.p, self.next_observations, self.next_noise)
        y = self.bootstrap(critics(self.p, 'q_target', self.next_observations, next_action).min(axis=0))
        self.descend('q', lambda p: squares(critics(p, 'q', self.observations, self.actions), y), ['q'],
                     done=s['step'])
        self.follow('q')
        own = draw(self.p, self.observations, self.noise)
        advantage = (critics(self.p, 'q', self.observations, self.actions).min(axis=0)
                     - critics(self.p, 'q', self.observations, own).min(axis=0))
        weight = np.minimum(np.exp(advantage / s['lambda']), s['weight_cap'])

        def loss(p):
            log_std = np.clip(p['policy/log_std'], -5, 2)
            z = (self.actions - mean_over(p, self.observations)) / np.exp(log_std)
            return np.mean(weight * np.sum(0.5 * z**2 + log_std + 0.5 * math.log(2 * math.pi), axis=1))

        self.descend('policy', loss, ['policy'], s['policy_lr'], s['step'])

    # ------------------------------------------------------------- soft

    def soft_actor(self, value):
        """The policy up value(Q of its draws) - alpha log pi; alpha by its logarithm, both on the same draws."""
        alpha = math.exp(self.p['log_alpha'][0])
        target = -self.noise.shape[1]
        _, log_prob = squashed(self.p, self.observations, self.noise)

        def loss(p):
            a, log_pi = squashed(p, self.observations, self.noise)
            return np.mean(alpha * log_pi - value(critics(p, 'q', self.observations, a)))

        gap = np.mean(log_prob) + target
        self.descend('policy', loss, ['policy'], self.s['policy_lr'], self.s['step'])
        self.descend('temperature', lambda p: -p['log_alpha'][0] * gap, ['log_alpha'], self.s['policy_lr'],
                     self.s['step'])

    def soft_critics(self, over_members, extra=lambda p: 0.0, entropy=True, uncertainty=1.0):
        next_action, log_prob = squashed(self.p, self.next_observations, self.next_noise)
        bonus = math.exp(self.p['log_alpha'][0]) * log_prob if entropy else 0.0
        y = self.bootstrap(over_members(critics(self.p, 'q_target', self.next_observations, next_action)) - bonus)
        scale = 1 / np.sqrt(uncertainty)  # (q - y)^2 / u
        self.descend('q', lambda p: squares(critics(p, 'q', self.observations, self.actions) * scale, y * scale) + extra(p),
                     ['q'], done=self.s['step'])
        self.follow('q')

    def sac_n(self):
        self.soft_actor(lambda q: q.min(axis=0))
        self.soft_critics(lambda q: q.min(axis=0))

    def edac(self):
        def diversity(p):
            g = slopes_in_actions(p, self.observations, self.actions)
            u = g / (np.linalg.norm(g, axis=-1, keepdims=True) + 1e-10)
            pairs = np.einsum('ibk,jbk->bij', u, u)
            off = pairs.sum(axis=(1, 2)) - np.trace(pairs, axis1=1, axis2=2)
            return self.s['eta'] * np.mean(off) / (u.shape[0] - 1)

        self.soft_actor(lambda q: q.min(axis=0))
        self.soft_critics(lambda q: q.min(axis=0), diversity)

    def msg(self):
        self.soft_actor(lambda q: q.mean(axis=0) - self.s['pessimism'] * q.std(axis=0, ddof=1))
        self.soft_critics(lambda q: q)

    def uw_msg(self):
        s = self.s
        self.soft_actor(lambda q: q.mean(axis=0) - s['pessimism'] * q.std(axis=0, ddof=1))
        spread = critics(self.p, 'q', self.observations, self.actions).std(axis=0, ddof=1)
        u = np.clip(s['uncertainty_ratio'] * spread, s['uncertainty_min'], s['uncertainty_max'])
        self.soft_critics(lambda q: q, uncertainty=u)

    # ------------------------------------------------------------- in the sample alone

    def in_sample(self, value_loss, weights):
        """value_loss(q, v) of a batch, a number; weights(q - v) [B]. All from the old V and the target critics."""
        s, p = self.s, dict(self.p)
        v = lambda p, at: mlp(p, 'v', at)[0][:, 0]
        q = critics(p, 'q_target', self.observations, self.actions).min(axis=0)
        y = self.bootstrap(v(p, self.next_observations))
        weight = weights(q - v(p, self.observations))
        self.descend('v', lambda p: value_loss(q, v(p, self.observations)), ['v'], done=s['step'])
        self.descend('q', lambda p: np.mean((critics(p, 'q', self.observations, self.actions) - y)**2), ['q'],
                     done=s['step'])
        self.follow('q')

        def loss(p):
            error = np.tanh(mean_over(p, self.observations)) - self.actions
            return np.mean(weight * np.sum(error**2, axis=1))

        self.descend('policy', loss, ['policy'], s['policy_lr'], s['step'])

    def xql(self):
        s = self.s
        q = critics(self.p, 'q_target', self.observations, self.actions).min(axis=0)
        z = lambda q, v: np.minimum((q - v) / s['loss_temp'], s['max_clip'])
        top = max(z(q, mlp(self.p, 'v', self.observations)[0][:, 0]).max(), -1.0)  # of the old V

        def gumbel(q, v):
            x = z(q, v)
            return np.mean(np.exp(x - top) - x * np.exp(-top) - np.exp(-top))

        self.in_sample(gumbel, lambda u: np.minimum(np.exp(s['beta'] * u), s['weight_cap']))

    def sql(self):
        s, alpha = self.s, self.s['alpha']
        sparse = lambda q, v: np.mean(np.where(1 + (q - v) / (2 * alpha) > 0, (1 + (q - v) / (2 * alpha))**2, 0) + v / alpha)
        self.in_sample(sparse, lambda u: np.clip(1 + u / (2 * alpha), 0, s['weight_cap']))

    def cql(self):
        s, n = self.s, int(self.s['proposals'])
        self.soft_actor(lambda q: q.min(axis=0))
        rows, act = self.actions.shape
        repeat = lambda x: np.repeat(x, n, axis=0)
        states = repeat(self.observations)
        parts = np.split(self.p['proposals'], 3)
        erf = np.vectorize(math.erf)
        proposals = [(erf(parts[0] / math.sqrt(2)), np.full(rows * n, -act * math.log(2.0))),
                     squashed(self.p, states, parts[1]),
                     squashed(self.p, repeat(self.next_observations), parts[2])]

        def gap(p):
            values = [critics(p, 'q', states, a) - log_density for a, log_density in proposals]
            all_of = np.concatenate([v.reshape(v.shape[0], rows, n) for v in values], axis=2)
            top = all_of.max(axis=2, keepdims=True)
            everywhere = top[..., 0] + np.log(np.sum(np.exp(all_of - top), axis=2))
            data = critics(p, 'q', self.observations, self.actions)
            return s['conservatism'] * np.sum(np.mean(everywhere - data, axis=1))

        self.soft_critics(lambda q: q.min(axis=0), gap, entropy=False)


def example(rng, method, members=3, rows=7, obs=4, act=2, hidden=5):
    t = {}
    squashed_head = method not in ('td3_bc', 'awac', 'xql', 'sql')
    for net, first, last, k in (('q', obs + act, 1, members), ('q_target', obs + act, 1, members),
                                ('policy', obs, act * (2 if squashed_head else 1), 0),
                                ('policy_target', obs, act, 0), ('v', obs, 1, 0)):
        widths = [first, hidden, hidden, last]
        for i in range(3):
            lead = (k,) if k else ()
            t[f'{net}/w{i}'] = rng.normal(size=lead + (widths[i], widths[i + 1])) / math.sqrt(widths[i])
            t[f'{net}/b{i}'] = 0.3 * rng.normal(size=lead + (widths[i + 1],))
    t['log_alpha'] = np.array([-0.4])
    t['policy/log_std'] = np.zeros(act) - 0.5
    for name, width in (('observations', obs), ('next_observations', obs), ('noise', act), ('next_noise', act)):
        t[name] = rng.normal(size=(rows, width))
    t['proposals'] = rng.normal(size=(3 * rows * 2, act))
    t['actions'] = rng.uniform(-1, 1, size=(rows, act))
    t['rewards'] = rng.normal(size=rows)
    t['terminals'] = (rng.uniform(size=rows) < 0.3).astype(np.float64)
    if method != 'awac':
        del t['policy/log_std']
    return t


def self_test():
    rng = np.random.default_rng(11)
    t = example(rng, 'sac_n')
    plain = Step(t, {'method': 'sac_n'}).out
    # Without its own term each method is SAC-N.
    same = Step(t, {'method': 'edac', 'eta': 0.0}).out
    assert all(np.allclose(same[k], plain[k], atol=1e-12) for k in plain)
    cautious = Step(t, {'method': 'cql', 'conservatism': 0.0, 'proposals': 2}).out
    assert np.allclose(cautious['grad/policy/w1'], plain['grad/policy/w1'])
    # Two critics alike point the same way: every pair adds 1.
    twins = {k: (np.repeat(v[:1], 2, axis=0) if k.startswith('q') else v) for k, v in t.items()}
    gain = Step(twins, {'method': 'edac', 'eta': 1.0}).out['loss/q'] - Step(twins, {'method': 'sac_n'}).out['loss/q']
    assert abs(gain - 2) < 1e-6, gain
    # Critics alike have no deviation: MSG's policy then climbs their mean, which is their minimum.
    assert np.allclose(Step(twins, {'method': 'msg'}).out['loss/policy'],
                       Step(twins, {'method': 'sac_n'}).out['loss/policy'])
    # Where no critic disagrees enough, or all are held to 1, UW-MSG is MSG; twice the uncertainty halves the loss.
    one = Step(t, {'method': 'msg'}).out
    for same in ({'uncertainty_ratio': 0.0}, {'uncertainty_max': 1.0}):
        assert all(np.allclose(Step(t, {'method': 'uw_msg', **same}).out[k], one[k], atol=1e-12) for k in one), same
    half = Step(t, {'method': 'uw_msg', 'uncertainty_ratio': 0.0, 'uncertainty_min': 2.0}).out
    assert np.allclose(half['loss/q'], 0.5 * one['loss/q'])
    # SQL's V is least where the weights' mean is 1, and XQL's where the mean of exp(z) is.
    q = rng.normal(size=200)
    settled = lambda loss: min(np.linspace(-5, 5, 4001), key=lambda v: loss(np.full(200, v)))
    v = settled(lambda v: np.mean(np.maximum(1 + (q - v) / 1.6, 0)**2 + v / 0.8))
    assert abs(np.mean(np.maximum(1 + (q - v) / 1.6, 0)) - 1) < 1e-2
    v = settled(lambda v: np.mean(np.exp((q - v) / 0.8) - (q - v) / 0.8))
    assert abs(0.8 * np.log(np.mean(np.exp(q / 0.8))) - v) < 1e-2
    # The critics' slopes in the actions are their differences.
    p = {k: np.asarray(v) for k, v in t.items()}
    exact = slopes_in_actions(p, p['observations'], p['actions'])
    for j in range(exact.shape[-1]):
        h = np.zeros_like(p['actions'])
        h[:, j] = 1e-6
        ends = [critics(p, 'q', p['observations'], p['actions'] + sign * h) for sign in (1, -1)]
        assert np.allclose((ends[0] - ends[1]) / 2e-6, exact[..., j], atol=1e-6)
    # TD3+BC moves its policy at every second step alone.
    t = example(rng, 'td3_bc')
    assert 'loss/policy' not in Step(t, {'method': 'td3_bc', 'step': 0}).out
    assert 'new/q_target/w0' in Step(t, {'method': 'td3_bc', 'step': 1}).out
    # ReBRAC without its penalties, with one critic alike the other, is TD3+BC that does not imitate.
    t = example(rng, 'td3_bc', members=1)
    t['next_actions'] = rng.uniform(-1, 1, size=t['actions'].shape)
    bare = Step(t, {'method': 'rebrac', 'actor_bc_coef': 0.0, 'critic_bc_coef': 0.0, 'step': 1}).out
    free = Step(t, {'method': 'td3_bc', 'alpha': 1e9, 'step': 1}).out
    assert np.allclose(bare['grad/q/w1'], free['grad/q/w1'])
    assert np.allclose(bare['grad/policy/w1'] * 1e9, free['grad/policy/w1'], rtol=1e-4, atol=1e2)
    # AWAC with a vast lambda imitates without weights.
    t = example(rng, 'awac')
    assert abs(Step(t, {'method': 'awac', 'lambda': 1e9}).out['loss/policy']
               - Step(t, {'method': 'awac', 'weight_cap': 1.0, 'lambda': 1e9}).out['loss/policy']) < 1e-6
    # The density of a squashed normal integrates to one.
    p = {'policy/w0': np.zeros((1, 1)), 'policy/b0': np.zeros(1), 'policy/w1': np.zeros((1, 1)), 'policy/b1': np.zeros(1),
         'policy/w2': np.zeros((1, 2)), 'policy/b2': np.array([0.3, -0.5])}
    z = np.linspace(-8, 8, 40001)[:, None]
    a, log_prob = squashed(p, np.zeros((len(z), 1)), z)
    assert abs(np.sum(0.5 * (np.exp(log_prob[1:]) + np.exp(log_prob[:-1])) * np.diff(a[:, 0])) - 1) < 1e-6
    print('ok: the methods reduce to one another where they should')


if __name__ == '__main__':
    sys.exit(program(sys.argv[1:], __doc__, lambda tensors, settings: Step(tensors, settings).out, self_test))
