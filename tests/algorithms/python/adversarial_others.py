"""The learners that keep more than the table C, written anew in NumPy: O-REPS, contracted features, the policy cover.

usage: adversarial_others.py IN.json OUT.json
in:  as for adversarial.py, and cover {delta_e, alpha, epoch, cover_episodes}
out: method -> {learner, regret, costs, first}; cover_oracle -> {occupancy [H][n], known [H][S]} after 64 rounds
"""
import json
import sys

import numpy as np

from adversarial import Problem, log_barrier, play, policies, soft_max, uniforms

ROUNDS, COVER_BONUS = 64, 0.1


def project(problem, log_weight):
    """argmin of KL over occupancies: layers of exp(log_weight - v_h(s) + P v_h+1), v such that flow is conserved.

    Newton's method on the flow itself; its derivatives come from complex steps, not from a formula.
    """
    H, S, A = problem.H, problem.S, problem.A

    def layers(v):
        q = []
        for h in range(H):
            x = log_weight[h] - np.repeat(v[h], A) + (problem.P[h] @ v[h + 1] if h < H - 1 else 0)
            e = np.exp(x - x.real.max())
            q.append(e / e.sum())
        return q

    def residual(flat):
        q = layers(flat.reshape(H, S))
        out = []
        for h in range(H):
            into = np.eye(S)[0] if h == 0 else q[h - 1] @ problem.P[h - 1]
            out.append(into - q[h].reshape(S, A).sum(axis=1))
        return np.concatenate(out)

    v = np.zeros(H * S)
    for _ in range(200):
        r = residual(v)
        if np.abs(r).max() < 1e-14:
            break
        J = np.array([residual(v + 1e-30j * e).imag / 1e-30 for e in np.eye(H * S)]).T
        step, scale = np.linalg.lstsq(J, -r, rcond=1e-10)[0], 1.0
        while np.abs(residual(v + scale * step)).max() > np.abs(r).max() * (1 - 0.1 * scale) and scale > 1e-6:
            scale /= 2
        v = v + scale * step
    return np.array(layers(v.reshape(H, S))).real


class OReps:
    def __init__(self, problem, given):
        self.p, self.eta, self.gamma = problem, given['eta'], given['gamma']
        self.pi = np.full((problem.H, problem.S * problem.A), 1 / problem.A)
        self.C = None

    def episode(self, k, losses, stream):
        q = self.p.occupancy(self.pi)
        trajectory, _ = play(self.p, self.pi, losses, stream)
        log_weight = np.log(np.maximum(q, 1e-300))  # states that are never reached
        for h, (s, a) in enumerate(trajectory):
            at = s * self.p.A + a
            log_weight[h, at] -= self.eta * losses[h, at] / (q[h, at] + self.gamma)
        new = project(self.p, log_weight)
        states = new.reshape(self.p.H, self.p.S, self.p.A).sum(axis=2)
        states = np.repeat(states, self.p.A, axis=1)
        self.pi = np.where(states > 1e-200, new / np.maximum(states, 1e-300), 1 / self.p.A)
        return (q * losses).sum(), trajectory


class Contracted:
    def __init__(self, problem, given):
        self.p, self.K = problem, given['episodes']
        self.eta, self.beta, self.gamma = given['eta'], given['beta'], given['gamma']
        self.lam = np.array([np.eye(problem.d)] * problem.H)
        self.moves = np.zeros((problem.H, problem.d, problem.S))
        self.restart()

    def restart(self):
        p, log_K = self.p, np.log(self.K + 1)
        self.C = np.zeros((p.H, p.S * p.A))
        self.volume = np.linalg.slogdet(self.lam)[1]
        norms = np.array([np.sqrt(np.einsum('ni,ij,nj->n', F, np.linalg.inv(L), F)) for F, L in zip(p.phi, self.lam)])
        share = 1 / (1 + np.exp(self.gamma * norms * log_K * np.sqrt(p.d) - log_K))
        self.bar, self.width = share[:, :, None] * p.phi, share * norms

    def episode(self, k, losses, stream):
        p = self.p
        pi = policies(p, self.C, soft_max, self.eta)
        q = p.occupancy(pi)
        trajectory, _ = play(p, pi, losses, stream)
        V, Q = np.zeros(p.S), np.zeros_like(self.C)
        for h in range(p.H - 1, -1, -1):
            w = p.nu[k % p.K, h] + (np.linalg.inv(self.lam[h]) @ self.moves[h] @ V if h < p.H - 1 else 0)
            Q[h] = self.bar[h] @ w - self.beta * self.width[h]
            V = p.over_actions(pi[h] * Q[h])
        self.C += Q
        for h, (s, a) in enumerate(trajectory):
            phi = p.phi[h, s * p.A + a]
            self.lam[h] += np.outer(phi, phi)
            if h < p.H - 1:
                self.moves[h][:, trajectory[h + 1][0]] += phi
        if (np.linalg.slogdet(self.lam)[1] > self.volume + np.log(2)).any():
            self.restart()
        return (q * losses).sum(), trajectory


def norms_of(problem, matrices):
    return [np.einsum('ni,ij,nj->n', F, np.linalg.inv(M), F) for F, M in zip(problem.phi, matrices)]


class Cover:
    def __init__(self, problem, alpha, rounds, ramp):
        self.p, self.alpha, self.M0, self.ramp = problem, alpha, rounds, ramp
        self.gam = np.array([np.eye(problem.d)] * problem.H)
        self.lam = self.gam.copy()
        self.counts = np.zeros((problem.H, problem.S * problem.A, problem.S))
        self.tables = []  # deterministic policies [H][S A]

    def add(self, actions):
        self.tables.append(np.array([np.eye(self.p.A)[row].ravel() for row in actions]))

    def plan(self):
        p, V, actions = self.p, np.zeros(self.p.S), []
        norm, wide = norms_of(p, self.gam), norms_of(p, self.lam)
        for h in range(p.H - 1, -1, -1):
            w = np.linalg.inv(self.lam[h]) @ p.phi[h].T @ (self.counts[h] @ V)
            reward = np.clip((norm[h] - self.alpha / self.M0) / self.ramp, 0, 1)
            Q = np.minimum(p.H, reward + p.phi[h] @ w + COVER_BONUS * np.sqrt(wide[h])).reshape(p.S, p.A)
            actions.insert(0, Q.argmax(axis=1))
            V = np.maximum(0, Q.max(axis=1))
        self.add(actions)

    def plan_knowing(self):
        p, V, actions = self.p, np.zeros(self.p.S), []
        norm = norms_of(p, self.gam)
        for h in range(p.H - 1, -1, -1):
            Q = (-norm[h] + (p.P[h] @ V if h < p.H - 1 else 0)).reshape(p.S, p.A)
            actions.insert(0, Q.argmin(axis=1))
            V = Q.min(axis=1)
        self.add(actions)
        q = p.occupancy(self.tables[-1])
        self.gam += np.array([F.T @ np.diag(w) @ F for F, w in zip(p.phi, q)])

    def known(self):
        return np.array([(n.reshape(self.p.S, self.p.A) * self.M0 <= self.alpha).all(axis=1)
                         for n in norms_of(self.p, self.gam)])

    def occupancy(self):
        return np.mean([self.p.occupancy(t) for t in self.tables], axis=0)


class PolicyCoverLearner:
    def __init__(self, problem, given):
        self.p = problem
        self.eta, self.beta, self.gamma = given['eta'], given['beta'], given['gamma']
        c = given['cover']
        self.delta, self.epoch, self.K0 = c['delta_e'], c['epoch'], c['cover_episodes']
        self.rounds = max(1, min(ROUNDS, self.K0 // 2))
        self.cover = Cover(problem, c['alpha'], self.rounds, 1 / given['episodes'])
        self.C = np.zeros((problem.H, problem.S * problem.A))
        self.seen, self.in_epoch = [], 0

    def walk(self, choose, losses, stream):
        p, s, trajectory = self.p, 0, []
        for h in range(p.H):
            a = choose(h, s)
            trajectory.append((s, a))
            if h < p.H - 1:
                law = p.P[h, s * p.A + a]
                s = int(min((next(stream) >= np.cumsum(law)).sum(), p.S - 1))
        gains = [losses[h, s * p.A + a] for h, (s, a) in enumerate(trajectory)]
        return trajectory, np.cumsum(gains[::-1])[::-1]

    def action(self, table, h, s):
        return int(table[h].reshape(self.p.S, self.p.A)[s].argmax())

    def close(self):
        self.cover.gam += np.mean(self.seen, axis=0)
        self.seen = []

    def explore(self, k, losses, stream):
        p, cover = self.p, self.cover
        if k % (self.K0 // self.rounds) == 0 and len(cover.tables) < self.rounds:
            if k > 0:
                self.close()
            cover.plan()
        table = cover.tables[-1]
        trajectory, _ = self.walk(lambda h, s: self.action(table, h, s), losses, stream)
        outer = np.zeros_like(cover.gam)
        for h, (s, a) in enumerate(trajectory):
            phi = p.phi[h, s * p.A + a]
            outer[h] = np.outer(phi, phi)
            cover.lam[h] += outer[h]
            if h < p.H - 1:
                cover.counts[h, s * p.A + a, trajectory[h + 1][0]] += 1
        self.seen.append(outer)
        if k + 1 == self.K0:
            self.close()
            self.known = cover.known()
        return (p.occupancy(table) * losses).sum(), trajectory

    def begin(self):
        p, cover = self.p, self.cover.occupancy()
        self.pi = policies(p, self.C, log_barrier, self.eta)
        self.pi[~np.repeat(self.known, p.A, axis=1)] = 1 / p.A
        self.q = (1 - self.delta) * p.occupancy(self.pi)
        for h_star in range(p.H):
            layer = None
            for h in range(p.H):
                if h <= h_star:
                    layer = cover[h]
                else:
                    layer = np.repeat(layer @ p.P[h - 1], p.A) * self.pi[h]
                self.q[h] += self.delta / p.H * layer
        self.halves = ([], [])

    def end(self):
        p, H = self.p, self.p.H
        Sd, b = [], np.zeros_like(self.C)
        for h in range(H):
            S = self.gamma * np.eye(p.d)
            for weights, trajectory, _ in self.halves[0]:
                phi = p.phi[h, trajectory[h][0] * p.A + trajectory[h][1]]
                S += weights[h] * np.outer(phi, phi) / max(1, len(self.halves[0]))
            Sd.append(np.linalg.inv(S))
            n = np.einsum('ni,ij,nj->n', p.phi[h], Sd[h], p.phi[h])
            b[h] = self.beta * (n + np.repeat(p.over_actions(self.pi[h] * n), p.A))
            b[h] *= np.repeat(self.known[h], p.A)
        for h in range(H):
            theta, lam = np.zeros(p.d), np.zeros(p.d)
            for weights, trajectory, to_go in self.halves[1]:
                pairs = [s * p.A + a for s, a in trajectory]
                later = sum((1 + 1 / H) ** (i - h) * b[i, pairs[i]] for i in range(h + 1, H))
                share = weights[h] / len(self.halves[1]) * p.phi[h, pairs[h]]
                theta += share * to_go[h]
                lam += share * later
            self.C[h] += p.phi[h] @ Sd[h] @ (theta - lam) - b[h]

    def episode(self, k, losses, stream):
        if k < self.K0:
            return self.explore(k, losses, stream)
        p = self.p
        if self.in_epoch == 0:
            self.begin()
        exploring, h_star, member = next(stream) < self.delta, 0, 0
        if exploring:
            h_star = min(p.H - 1, int(next(stream) * p.H))
            member = min(self.rounds - 1, int(next(stream) * self.rounds))

        def choose(h, s):
            if exploring and h <= h_star:
                return self.action(self.cover.tables[member], h, s)
            row = self.pi[h, s * p.A:(s + 1) * p.A]
            return int(min((next(stream) >= np.cumsum(row)).sum(), p.A - 1))

        trajectory, to_go = self.walk(choose, losses, stream)
        weights = [(p.H if h == h_star else 0) if exploring else 1 for h in range(p.H)]
        first_left = self.epoch // 2 - len(self.halves[0])
        half = 0 if next(stream) * (self.epoch - self.in_epoch) < first_left else 1
        self.halves[half].append((weights, trajectory, to_go))
        self.in_epoch += 1
        if self.in_epoch == self.epoch:
            self.in_epoch = 0
            self.end()
        return (self.q * losses).sum(), trajectory


def run(make, problem, given):
    learner, stream = make(problem, given), uniforms(given['stream'])
    loss, total, first = 0.0, np.zeros_like(problem.losses[0]), []
    for k in range(given['episodes']):
        losses = problem.losses[k % problem.K]
        mean, trajectory = learner.episode(k, losses, stream)
        loss += mean
        total += losses
        if k < 2:
            first.append(trajectory)
    costs = [] if learner.C is None else learner.C[0, :problem.A].tolist()
    return {'learner': loss, 'regret': loss - problem.best(total), 'costs': costs, 'first': first}


if __name__ == '__main__':
    with open(sys.argv[1]) as file:
        given = json.load(file)
    problem = Problem(**given['instance'])
    makers = {'o_reps': OReps, 'contracted_features': Contracted, 'linear_mdp_policy_cover': PolicyCoverLearner}
    out = {method: run(makers[method], problem, given) for method in given['methods']}
    oracle = Cover(problem, given['cover']['alpha'], ROUNDS, 1.0)
    for _ in range(ROUNDS):
        oracle.plan_knowing()
    out['cover_oracle'] = {'occupancy': oracle.occupancy().tolist(), 'known': oracle.known().astype(int).tolist()}
    with open(sys.argv[2], 'w') as file:
        json.dump(out, file)
