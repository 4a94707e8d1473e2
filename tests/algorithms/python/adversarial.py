"""Regret learners on a random linear MDP, written anew in NumPy and kept as plain as possible.

usage: adversarial.py IN.json OUT.json
in:  instance {seed,H,S,A,d,K}, episodes, stream, eta, beta, gamma, methods [..]
out: method -> {learner, regret, costs (start state's C), first (states and actions of two episodes)}
"""
import json
import sys

import numpy as np

MASK = 2**64 - 1


def uniforms(seed):
    state = seed
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        x = state
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        yield ((x ^ (x >> 31)) >> 11) / 2.0**53


def laws(stream, count, size):
    e = np.array([[-np.log1p(-next(stream)) for _ in range(size)] for _ in range(count)]).reshape(count, size)
    return e / e.sum(axis=1, keepdims=True)


class Problem:
    def __init__(self, seed, H, S, A, d, K):
        stream = uniforms(seed)
        self.H, self.S, self.A, self.d, self.K = H, S, A, d, K
        self.phi = laws(stream, H * S * A, d).reshape(H, S * A, d)
        mu = laws(stream, (H - 1) * d, S).reshape(H - 1, d, S)
        nu = self.nu = np.array([next(stream) for _ in range(K * H * d)]).reshape(K, H, d)
        self.P = np.array([self.phi[h] @ mu[h] for h in range(H - 1)])
        self.losses = np.array([[self.phi[h] @ nu[k, h] for h in range(H)] for k in range(K)])

    def best(self, total):
        V = np.zeros(self.S)
        for h in range(self.H - 1, -1, -1):
            Q = total[h] + (self.P[h] @ V if h < self.H - 1 else 0)
            V = Q.reshape(self.S, self.A).min(axis=1)
        return V[0]

    def occupancy(self, pi):  # pi [H][S A]
        rho, q = np.eye(self.S)[0], []
        for h in range(self.H):
            q.append(np.repeat(rho, self.A) * pi[h])
            if h < self.H - 1:
                rho = q[h] @ self.P[h]
        return np.array(q)

    def values(self, losses, pi):
        Q, V = np.zeros_like(losses), np.zeros(self.S)
        for h in range(self.H - 1, -1, -1):
            Q[h] = losses[h] + (self.P[h] @ V if h < self.H - 1 else 0)
            V = self.over_actions(pi[h] * Q[h])
        return Q

    def over_actions(self, x):
        return x.reshape(self.S, self.A).sum(axis=1)

    def dilate(self, b, pi):
        B = b.copy()
        for h in range(self.H - 2, -1, -1):
            B[h] += (1 + 1 / self.H) * self.P[h] @ self.over_actions(pi[h + 1] * B[h + 1])
        return B


def log_barrier(costs, eta):  # bisection on the multiplier
    x = eta * (costs - costs.min())
    low, high = 1.0, float(len(x))
    for _ in range(200):
        middle = (low + high) / 2
        if (1 / (middle + x)).sum() > 1:
            low = middle
        else:
            high = middle
    p = 1 / (low + x)
    return p / p.sum()


def soft_max(costs, eta):
    p = np.exp(-eta * (costs - costs.min()))
    return p / p.sum()


def policies(problem, C, rule, eta):
    return np.array([np.concatenate([rule(row, eta) for row in layer.reshape(problem.S, problem.A)]) for layer in C])


def play(problem, pi, losses, stream):
    s, trajectory, seen = 0, [], []
    for h in range(problem.H):
        row = pi[h, s * problem.A:(s + 1) * problem.A]
        a = int(min((next(stream) >= np.cumsum(row)).sum(), problem.A - 1))
        trajectory.append((s, a))
        seen.append(losses[h, s * problem.A + a])
        if h < problem.H - 1:
            law = problem.P[h, s * problem.A + a]
            s = int(min((next(stream) >= np.cumsum(law)).sum(), problem.S - 1))
    to_go = np.cumsum(seen[::-1])[::-1]
    return trajectory, to_go


def linear(method, problem, at, eta, beta, gamma):
    """One episode of the estimator-based learners: the step of C."""
    pi, q, trajectory, to_go = at
    H, n = problem.H, problem.S * problem.A
    estimate, b = np.zeros((H, n)), np.zeros((H, n))
    for h in range(H):
        F = problem.phi[h]
        Sd = np.linalg.inv(gamma * np.eye(problem.d) + F.T @ np.diag(q[h]) @ F)
        s, a = trajectory[h]
        kappa = F @ Sd @ F[s * problem.A + a]
        estimate[h] = kappa * to_go[h]
        if method == 'exp_weights_magnitude_reduced':
            everything = np.minimum(F @ Sd @ F.T, 0)
            estimate[h] += -H * np.minimum(kappa, 0) + H * everything @ q[h]
        norms = np.einsum('ni,ij,nj->n', F, Sd, F)
        b[h] = beta * (norms + np.repeat(problem.over_actions(pi[h] * norms), problem.A))
    return estimate - problem.dilate(b, pi)


class Confidence:
    """Empirical transitions with their widths; a new set when a pair's visits have doubled."""

    def __init__(self, problem, episodes):
        self.p = problem
        n = problem.S * problem.A
        self.log = np.log(episodes * problem.H * n * episodes)
        self.counts = np.zeros((problem.H - 1, n, problem.S))
        self.at_epoch = np.zeros((problem.H - 1, n))
        self.make()

    def make(self):
        visits = np.maximum(1, self.counts.sum(axis=2, keepdims=True))
        mean = self.counts / visits
        width = 4 * np.sqrt(mean * self.log / visits) + 28 * self.log / (3 * visits)
        self.low, self.high = np.maximum(0, mean - width), np.minimum(1, mean + width)

    def extreme(self, h, f, sign):  # max (sign 1) or min (-1) of P f for every pair of layer h
        out = []
        for low, high in zip(self.low[h], self.high[h]):
            P = low.copy()
            for i in sorted(range(len(f)), key=lambda j: -sign * f[j]):
                P[i] += min(high[i] - low[i], 1 - P.sum())
            out.append(P @ f)
        return np.array(out)

    def reach(self, pi, sign):
        p = self.p
        out = np.zeros((p.H, p.S))
        for target in range(p.H):
            for state in range(p.S):
                f = np.eye(p.S)[state]
                for h in range(target - 1, -1, -1):
                    f = p.over_actions(pi[h] * self.extreme(h, f, sign))
                out[target, state] = f[0]
        return out

    def update(self, trajectory):
        for h in range(self.p.H - 1):
            (s, a), (after, _) = trajectory[h], trajectory[h + 1]
            self.counts[h, s * self.p.A + a, after] += 1
        if (self.counts.sum(axis=2) >= np.maximum(1, 2 * self.at_epoch)).any():
            self.at_epoch = self.counts.sum(axis=2)
            self.make()


def tabular(problem, confidence, at, beta, gamma):
    pi, _, trajectory, to_go = at
    H, A = problem.H, problem.A
    up = pi * np.repeat(confidence.reach(pi, 1), A, axis=1)
    low = pi * np.repeat(confidence.reach(pi, -1), A, axis=1)
    estimate = np.zeros_like(pi)
    for h, (s, a) in enumerate(trajectory):
        estimate[h, s * A + a] = to_go[h] / (up[h, s * A + a] + gamma)
    b = pi * (3 * gamma * H + H * (up - low)) / (up + gamma)
    B = beta * np.array([np.repeat(problem.over_actions(layer), A) for layer in b])
    for h in range(H - 2, -1, -1):
        B[h] += (1 + 1 / H) * confidence.extreme(h, problem.over_actions(pi[h + 1] * B[h + 1]), 1)
    confidence.update(trajectory)
    return estimate - B


def run(method, problem, given):
    eta, beta, gamma = given['eta'], given['beta'], given['gamma']
    stream = uniforms(given['stream'])
    C = np.zeros((problem.H, problem.S * problem.A))
    rule = log_barrier if 'log_barrier' in method else soft_max
    confidence = Confidence(problem, given['episodes']) if method.startswith('tabular') else None
    learner, total, first = 0.0, np.zeros_like(C), []
    for k in range(given['episodes']):
        losses = problem.losses[k % problem.K]
        pi = policies(problem, C, rule, eta)
        q = problem.occupancy(pi)
        learner += (q * losses).sum()
        total += losses
        trajectory, to_go = play(problem, pi, losses, stream)
        if k < 2:
            first.append(trajectory)
        at = (pi, q, trajectory, to_go)
        if method.endswith('full_information'):
            C += problem.values(losses, pi)
        elif confidence:
            C += tabular(problem, confidence, at, beta, gamma)
        else:
            C += linear(method, problem, at, eta, beta, gamma)
    return {'learner': learner, 'regret': learner - problem.best(total), 'costs': C[0, :problem.A].tolist(),
            'first': first}


if __name__ == '__main__':
    with open(sys.argv[1]) as file:
        given = json.load(file)
    problem = Problem(**given['instance'])
    with open(sys.argv[2], 'w') as file:
        json.dump({method: run(method, problem, given) for method in given['methods']}, file)
