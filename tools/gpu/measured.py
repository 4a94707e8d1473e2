#!/usr/bin/env python3
"""What `run` measured on a GPU, as tools/gpu_page reads it:  measured.py RESULTS

Reads RESULTS/ncu.AGENTS.csv (Nsight Compute's, a row a kernel and metric), benches.jsonl and rivals.jsonl. Writes
kernels.json, {agents: [{kernel, op, launches, microseconds, megabytes, registers, occupancy}]} of one step, the
longest first; and measured.json, {op: microseconds of its launches in one agent's step, "riql/AGENTS" (with TF32
"riql/AGENTS/tf32", with three products of it "riql/AGENTS/tf32x3"; of rivals "jax/AGENTS", "pytorch/AGENTS", of a step that is one CUDA graph): agent-steps a second,
"nodes/AGENTS": kernels of a step, "step": microseconds of one agent's step as it runs, "device": its name}. Exit 1 where
there is nothing to read, one line says what.

ncu runs each kernel alone, so that all of them together take longer than the step in which one begins while the one
before drains: their sum is beside "step" in what is printed.
"""
import csv
import json
import pathlib
import re
import sys

# Kernels that are not named after their op.
OPS = {'gather_kernel': 'gather_rows', 'rows_of_draws_kernel': 'scatter_rows', 'sum_rows_kernel': 'scatter_rows',
       'index_kernel': 'random_index', 'normal_kernel': 'random_normal', 'categorical_kernel': 'random_categorical',
       'gradient_kernel': 'quantile_gradient', 'put_kernel': 'take_gradient', 'gate_kernel': 'step/gate',
       'squares_kernel': 'step/gradient_squares', 'clips_kernel': 'step/descend', 'descend_kernel': 'step/descend',
       'narrow_forward_kernel': 'head', 'narrow_gradients_kernel': 'gradients of a head',
       'shallow_forward_kernel': 'first layer', 'shallow_gradients_kernel': 'gradients of a first layer',
       # Parts of products that cuBLASLt has no epilogue for (cuda/ops/product.cu, linear.cu).
       'finish_kernel': 'bias of a head', 'column_sums_kernel': 'bias gradient of a head', 'mask_kernel': 'mask of a ReLU',
       'masked_kernel': 'mask of a ReLU'}
# Ours, by A's and B's transpositions (cuda/ops/tensor_product.cu): those of cuBLASLt below, of row-major operands.
TENSOR_PRODUCTS = {'00': 'linear_bias', '01': 'linear_input_gradient_relu_bias', '10': 'linear_weight_gradient'}
REDUCTIONS = {'Sum': 'sum', 'Mean': 'mean', 'Larger': 'max', 'Smaller': 'min'}
# cuBLASLt names its kernels by the transpositions of column-major operands, which tell our three products apart
# (cuda/ops/linear.cu): layers, the gradient of their inputs, that of their weights.
PRODUCTS = {'nn': 'linear_bias', 'tn': 'linear_input_gradient_relu_bias', 'nt': 'linear_weight_gradient'}
# Where a head is one wide, cuBLASLt takes kernels for a matrix and a vector. The layer reads the matrix transposed (the
# third flag of the one without a name), the gradient of its weights as it lies.
VECTOR_PRODUCTS = [(r'gemv(?:2)?T', 'linear_bias'), (r'gemvNSP|gemv(?:2)?N', 'linear_weight_gradient'),
                   (r'\binternal::kernel<(?:\w+, ){6}\d, 1, 1,', 'linear_bias'),
                   (r'\binternal::kernel<(?:\w+, ){6}\d, 1, 0,', 'linear_weight_gradient')]


def op_of(kernel):
    """The op that a kernel, by its demangled name, computes; '' where it is the kernel before's second half."""
    # A derivative is its functor's: Slope<algorithms::Huber, 2, 0>, Slope<Slope<...>, 3, 1>.
    functor = re.search(r'\bmap(?:_gradient)?_kernel<(?:(?:\w+::)*Slope<)*(?:\w+::)*(\w+)', kernel)
    if functor:
        name = re.sub(r'(?<!^)(?=[A-Z])', '_', functor[1]).lower()
        return 'stretch' if name == 'copy' else name
    reduction = re.search(r'\b(?:rows|columns|short)_kernel<.*?\b(Sum|Mean|Larger|Smaller)\b', kernel)
    if reduction:
        return REDUCTIONS[reduction[1]]
    tensor = re.search(r'\btensor_product_kernel<(?:\(bool\))?(\w+), (?:\(bool\))?(\w+),', kernel)
    if tensor:
        return TENSOR_PRODUCTS.get(''.join('1' if flag in ('1', 'true') else '0' for flag in tensor.groups()), 'other products')
    own = 'hardy' in kernel and re.search(r'\b(\w+_kernel)\b', kernel)
    if own:
        return OPS.get(own[1], own[1].removesuffix('_kernel'))
    if re.search('splitk.*reduce|reduce.*kernel|KernelBgrad', kernel, re.IGNORECASE):
        return ''
    product = re.search(r'gemm.*_(nn|nt|tn)(?![a-z])', kernel, re.IGNORECASE)
    if product:
        return PRODUCTS[product[1].lower()]
    return next((op for pattern, op in VECTOR_PRODUCTS if re.search(pattern, kernel)), 'other products')


def launches(path):
    """Of one of ncu's files: [{name, metric: value}], in the order of their launches."""
    found = {}
    with open(path, newline='') as file:
        for row in csv.DictReader(file):
            launch = found.setdefault(int(row['ID']), {'name': row['Kernel Name']})
            try:
                launch[row['Metric Name']] = float(row['Metric Value'].replace(',', ''))
            except ValueError:
                pass  # "n/a"
    return [found[i] for i in sorted(found)]


def one_step(all_launches):
    """Those of the second step, which is the captured one alone (the first also runs what it is going to capture): from
    behind one step's descent to the next one's. Where ncu did not look into the graph, all: the plan, kernel by kernel."""
    ops = [op_of(launch['name']) for launch in all_launches]
    ends = [i + 1 for i, op in enumerate(ops) if op == 'step/descend' and ops[i + 1:i + 2] != ['step/descend']]
    if not ends:
        return all_launches
    if len(ends) == 1:
        raise SystemExit('measured.py: ncu has the first step alone; let it count more launches')
    return all_launches[ends[0]:ends[1]]


def by_kernel(step):
    """Launches of one step joined by kernel: microseconds of all of them, the longest first."""
    joined, op = {}, ''
    for launch in step:
        before, op = op, op_of(launch['name']) or op
        if op == 'sum' and before == 'linear_weight_gradient':
            op = 'bias gradient of a head'
        entry = joined.setdefault((launch['name'], op), {'kernel': launch['name'][:200], 'op': op, 'launches': 0,
                                                         'microseconds': 0.0, 'megabytes': 0.0})
        entry['launches'] += 1
        entry['microseconds'] += launch.get('gpu__time_duration.sum', 0.0) / 1e3
        entry['megabytes'] += (launch.get('dram__bytes_read.sum', 0.0) + launch.get('dram__bytes_write.sum', 0.0)) / 1e6
        entry['registers'] = launch.get('launch__registers_per_thread')
        entry['occupancy'] = launch.get('sm__warps_active.avg.pct_of_peak_sustained_active')
    for entry in joined.values():
        entry['microseconds'] = round(entry['microseconds'], 3)
        entry['megabytes'] = round(entry['megabytes'], 4)
    return sorted(joined.values(), key=lambda entry: -entry['microseconds'])


def main():
    if len(sys.argv) != 2 or sys.argv[1] in ('-h', '--help'):
        print(__doc__.strip())
        raise SystemExit(0 if '--help' in sys.argv or '-h' in sys.argv else 2)
    results = pathlib.Path(sys.argv[1])
    kernels, measured = {}, {}
    for path in sorted(results.glob('ncu.*.csv')):
        agents = path.name.split('.')[1]
        kernels[agents] = by_kernel(one_step(launches(path)))
        for entry in kernels[agents] if agents == '1' else []:
            measured[entry['op']] = round(measured.get(entry['op'], 0.0) + entry['microseconds'], 3)
        print(f'{agents} agents: {sum(e["launches"] for e in kernels[agents])} kernels, '
              f'{sum(e["microseconds"] for e in kernels[agents]):.1f} us in them')
        for entry in kernels[agents][:12]:
            print(f'  {entry["microseconds"]:9.1f} us {entry["launches"]:4d} x  {entry["op"]}: {entry["kernel"][:70]}')
    benches = results / 'benches.jsonl'
    for line in benches.read_text().splitlines() if benches.exists() else []:
        bench = json.loads(line)
        if bench['method'] != 'riql':
            continue
        products = '/tf32' if bench['tf32'] else '/tf32x3' if bench.get('tf32x3') else ''
        measured[f'riql/{bench["agents"]}{products}'] = round(bench['agent_steps_per_second'])
        measured['device'] = bench['about']
        if not products:
            measured[f'nodes/{bench["agents"]}'] = bench['graph_nodes']
        if bench['agents'] == 1 and not products:
            measured['step'] = round(bench['microseconds_per_step'], 1)
            print(f'one agent\'s step as it runs: {measured["step"]} us')
    rivals = results / 'rivals.jsonl'
    for line in rivals.read_text().splitlines() if rivals.exists() else []:
        rival = json.loads(line)
        if rival['method'] == 'riql' and (rival['program'] == 'jax' or rival['graph']):
            key = f'{rival["program"]}/{rival["agents"]}' + ('/tf32' if rival['precision'] == 'tf32' else '')
            measured[key] = round(rival['agent_steps_per_second'])
    if not measured:
        raise SystemExit(f'measured.py: neither ncu.1.csv nor benches of RIQL in {results}')
    (results / 'kernels.json').write_text(json.dumps(kernels, indent=1) + '\n')
    (results / 'measured.json').write_text(json.dumps(measured, indent=1) + '\n')


if __name__ == '__main__':
    main()
