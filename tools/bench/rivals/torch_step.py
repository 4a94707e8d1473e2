"""BC, IQL and RIQL in PyTorch, as people write them:  torch_step.py METHOD [--threads N] [--device cuda]
[--precision tf32] [--graph]

Eager; with --graph the whole step is captured once as a CUDA graph and replayed (the policy's learning rate then
stays what it was at the first step)."""
import setting
from setting import ACT, ALPHA, BATCH, BETA, CLAMP, GAMMA, HIDDEN, LR, OBS, POLYAK, ROWS, SIGMA, TAU, WEIGHT_CAP

a = setting.arguments('PyTorch')
if a.agents != 1:
    raise SystemExit('torch_step.py: one agent only')

import numpy as np  # noqa: E402  (after the threads are set)
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

torch.set_num_threads(a.threads)
torch.set_default_device(a.device)
torch.set_float32_matmul_precision({'f32': 'highest', 'tf32': 'high'}[a.precision])
# On a GPU one kernel for all tensors, and the step's count there too, which a graph needs.
ADAM = {'lr': LR, 'fused': True, 'capturable': True} if a.device == 'cuda' else {'lr': LR}
torch.manual_seed(0)
STEPS = 20
K = setting.CRITICS[a.method]
data = {k: torch.from_numpy(v).to(a.device) for k, v in setting.dataset(np).items()}


class Critics(nn.Module):
    """K critics, each layer one batched product."""

    def __init__(self):
        super().__init__()
        widths = (OBS + ACT, HIDDEN, HIDDEN, 1)
        self.w = nn.ParameterList()
        self.b = nn.ParameterList()
        for w_in, w_out in zip(widths[:-1], widths[1:]):
            self.w.append(nn.Parameter(torch.empty(K, w_in, w_out).uniform_(-w_in**-0.5, w_in**-0.5)))
            self.b.append(nn.Parameter(torch.empty(K, 1, w_out).uniform_(-w_in**-0.5, w_in**-0.5)))

    def forward(self, x):
        x = x.unsqueeze(0).expand(K, -1, -1)
        for i in range(3):
            x = torch.baddbmm(self.b[i], x, self.w[i])
            if i < 2:
                x = functional.relu(x)
        return x.squeeze(-1)


def net(n_out):
    return nn.Sequential(nn.Linear(OBS, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, n_out))


policy = net(ACT)
policy_adam = torch.optim.Adam(policy.parameters(), **ADAM)
if K:
    value, q, q_target = net(1), Critics(), Critics()
    q_target.load_state_dict(q.state_dict())
    q_target.requires_grad_(False)
    value_adam, q_adam = torch.optim.Adam(value.parameters(), **ADAM), torch.optim.Adam(q.parameters(), **ADAM)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(policy_adam, setting.POLICY_STEPS)


def descend(optimiser, loss):
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()


def step():
    rows = torch.randint(0, ROWS, (BATCH,))
    obs, act = data['observations'][rows], data['actions'][rows]
    weight = None
    if K:
        x = torch.cat([obs, act], dim=1)
        with torch.no_grad():
            v_next = value(data['next_observations'][rows]).squeeze(-1)
            q_all = q_target(x)
            agg = torch.quantile(q_all, ALPHA, dim=0) if a.method == 'riql' else q_all.min(dim=0).values
        adv = agg - value(obs).squeeze(-1)
        descend(value_adam, torch.mean(torch.abs(TAU - (adv < 0).float()) * adv**2))
        adv = adv.detach()
        y = data['rewards'][rows] + GAMMA * (1 - data['terminals'][rows]) * v_next
        if a.method == 'riql':
            y = y.clamp(*CLAMP).expand(K, -1)
            loss_q = functional.smooth_l1_loss(q(x), y, beta=1 / SIGMA**2)
        else:
            loss_q = functional.mse_loss(q(x), y.expand(K, -1))
        descend(q_adam, loss_q)
        with torch.no_grad():
            for target, new in zip(q_target.parameters(), q.parameters()):
                target.lerp_(new, POLYAK)
        weight = torch.exp(BETA * adv).clamp(max=WEIGHT_CAP)
    each = torch.sum((torch.tanh(policy(obs)) - act)**2, dim=1)
    descend(policy_adam, torch.mean(each if weight is None else weight * each))
    if K and not a.graph:
        schedule.step()


def captured():
    """step() as one CUDA graph: a few steps beside the default stream first, as PyTorch's manual asks."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


one_step = captured() if a.graph else step


def run():
    for _ in range(STEPS):
        one_step()
    if a.device == 'cuda':
        torch.cuda.synchronize()


setting.report('pytorch', torch.__version__, a, *setting.measure(run, STEPS, a))
