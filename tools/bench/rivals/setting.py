"""What every rival runs: the sizes and settings of `hardy bench`, a random dataset, the JSON line."""
import argparse
import fcntl
import json
import os
import time

OBS, ACT, HIDDEN, BATCH, ROWS = 17, 6, 256, 256, 100_000
TAU, BETA, GAMMA, POLYAK, LR, WEIGHT_CAP = 0.7, 3.0, 0.99, 0.005, 3e-4, 100.0
ALPHA, SIGMA, CLAMP, POLICY_STEPS = 0.25, 1.0, (-100.0, 1000.0), 3_000_000
CRITICS = {'bc': 0, 'iql': 2, 'riql': 5, 'xql': 2, 'sql': 2, 'td3_bc': 2, 'rebrac': 2, 'awac': 2, 'msg': 10, 'uw_msg': 10,
           'sac_n': 10, 'edac': 10, 'cql': 2}


def arguments(rival):
    parser = argparse.ArgumentParser(description=f'steps per second of a training step in {rival}')
    parser.add_argument('method', choices=sorted(CRITICS))
    parser.add_argument('--agents', type=int, default=1)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--seconds', type=float, default=5)
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--precision', choices=('f32', 'tf32'), default='f32', help='of matrix products on a GPU')
    parser.add_argument('--graph', action='store_true', help='the whole step as one CUDA graph (PyTorch)')
    parser.add_argument('--turn', metavar='FILE', help='shared by rivals that run at once: none measures while '
                        'another one compiles or measures')
    a = parser.parse_args()
    if a.device == 'cpu' and (a.graph or a.precision != 'f32'):
        parser.error('--graph and --precision tf32 are for --device cuda')
    if a.turn:
        a.turn = open(a.turn, 'w')
        fcntl.flock(a.turn, fcntl.LOCK_SH)
    if a.device == 'cpu':  # these cores alone; on a GPU the threads only put work into its stream
        cores = sorted(os.sched_getaffinity(0))[:a.threads]
        os.sched_setaffinity(0, cores)
    for name in ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS'):
        os.environ[name] = str(a.threads)
    return a


def dataset(np):
    rng = np.random.default_rng(0)
    f = np.float32
    return {
        'observations': rng.standard_normal((ROWS, OBS)).astype(f),
        'actions': rng.uniform(-1, 1, (ROWS, ACT)).astype(f),
        'rewards': rng.standard_normal(ROWS).astype(f),
        'next_observations': rng.standard_normal((ROWS, OBS)).astype(f),
        'terminals': (rng.uniform(size=ROWS) < 0.01).astype(f),
    }


def measure(run, steps_per_call, a):
    """run() makes steps_per_call steps and returns when they are done. -> steps, seconds, processor seconds"""
    run()  # compiles, allocates
    if a.turn:  # alone until this process ends
        fcntl.flock(a.turn, fcntl.LOCK_EX)
        run()
    started, busy, steps = time.perf_counter(), time.process_time(), 0
    while True:
        run()
        steps += steps_per_call
        elapsed = time.perf_counter() - started
        if elapsed >= a.seconds:
            return steps, elapsed, time.process_time() - busy


def report(rival, version, a, steps, elapsed, busy):
    print(json.dumps({
        'program': rival, 'version': version, 'method': a.method, 'agents': a.agents, 'threads': a.threads,
        'device': a.device, 'precision': a.precision, 'graph': a.graph,
        'steps': steps, 'seconds': round(elapsed, 3), 'steps_per_second': round(steps / elapsed, 1),
        'processor_seconds': round(busy, 3),  # near threads x seconds where nothing else ran
        'agent_steps_per_second': round(steps * a.agents / elapsed, 1)}))
