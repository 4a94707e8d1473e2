#!/usr/bin/env python3
"""Attacks `hardy` with runs that it should withstand, and prints a table of what came of them.

  attack.py [PART...] [--runs N | --hours H] [--seed S] [--jobs J] [--hardy FILE]
  attack.py PART --case N [--seed S]      one case again, its folder kept

PART: sweep (every key of every command with hostile values), mutants (damaged files of every format), kills (SIGKILL at any
moment), faults (full disks, failing calls, closed descriptors, little memory, signals); all where none is named. --runs: cases
of each part. Exit code 1 where a run broke a rule (tests/attack/lab.py has them); its folder is kept in build/attack.
"""
import argparse
import collections
import concurrent.futures
import os
import random
import shlex
import shutil
import sys
import tempfile
import time

import faults
import kills
import lab
import mutants
import sweep

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PARTS = {'sweep': sweep.Sweep, 'mutants': mutants.Mutants, 'kills': kills.Kills, 'faults': faults.Faults}
KEPT = os.path.join(ROOT, 'build', 'attack')

# Faults that are known and not mended; they are counted by themselves. An entry goes when its fault does.
KNOWN = []  # compiled regular expressions of what a broken rule is called


class Tally:
    def __init__(self):
        self.runs, self.codes, self.slowest, self.memory, self.stop, self.broken = 0, collections.Counter(), 0.0, 0, 0.0, 0
        self.known = 0


def shown(args):
    return ' '.join(shlex.quote(a.decode('utf-8', 'backslashreplace')[:120]) for a in args)


def run_case(part, attack, number, seed, hardy, seeds, keep):
    rng = random.Random(f'{part} {seed} {number}')
    place = lab.Lab(hardy, seeds)
    place.label, place.note = part, ''
    try:
        attack.case(place, rng)
    except Exception as e:  # the attack's own fault, which must not pass for a good end
        place.problem(f'the attack itself failed: {type(e).__name__}: {e}')
    place.close(os.path.join(KEPT, f'{part}-{seed}-{number}') if keep or place.problems else None)
    return number, place


def table(tallies):
    head = ('part', 'what', 'runs', 'exit codes', 'slowest', 'memory', 'stops within', 'known faults', 'broken rules')
    lines = [head]
    for (part, label), t in sorted(tallies.items()):
        codes = ', '.join(f'{c}: {n}' if c >= 0 else f'killed: {n}' for c, n in sorted(t.codes.items(), key=lambda x: -x[1]))
        lines.append((part, label, str(t.runs), codes, f'{t.slowest:.1f} s', f'{t.memory >> 20} MiB',
                      f'{t.stop:.2f} s' if t.stop else '', str(t.known), str(t.broken)))
    return '\n'.join('| ' + ' | '.join(line) + ' |' + ('\n|' + '---|' * len(head) if line is head else '') for line in lines)


def attack_with(parts, options, seeds):
    tallies, broken = collections.defaultdict(Tally), 0
    end = time.monotonic() + options.hours * 3600 if options.hours else None
    attacks = {p: PARTS[p](options.hardy) for p in parts}
    for part, a in attacks.items():
        for what in a.missing:
            print(f'{part}: not attacked: {what}')
            broken += 1

    def numbers():
        if options.case is not None:
            yield parts[0], options.case
            return
        n = 0
        while (time.monotonic() < end) if end else (n < options.runs):
            for part in parts:
                yield part, n
            n += 1
    todo, running = numbers(), {}
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        more = True
        while more or running:
            while more and len(running) < 2 * options.jobs:
                item = next(todo, None)
                more = item is not None
                if more:
                    part, n = item
                    running[pool.submit(run_case, part, attacks[part], n, options.seed, options.hardy, seeds, options.case is not None)] = part
            for future in concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)[0]:
                part = running.pop(future)
                number, place = future.result()
                t = tallies[part, place.label]
                for o in place.outcomes:
                    t.runs += 1
                    t.codes[o.code] += 1
                    t.slowest, t.memory, t.stop = max(t.slowest, o.seconds), max(t.memory, o.memory), max(t.stop, o.stopped or 0)
                if place.problems and all(any(k.fullmatch(p) for k in KNOWN) for p in place.problems):
                    t.known += 1
                elif place.problems:
                    t.broken += 1
                    broken += 1
                    print(f'{part} case {number} ({place.label}) {place.note}: {"; ".join(place.problems)}')
                    for o in place.outcomes[-1:]:
                        print(f'    hardy {shown(o.args)}\n    exit code {o.code}: {o.err.decode("utf-8", "replace").strip()[-400:]}')
                    sys.stdout.flush()
    for a in attacks.values():
        getattr(a, 'close', lambda: None)()
    return tallies, broken


def main():
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, add_help=True)
    words.add_argument('parts', nargs='*', choices=[[], *PARTS], metavar='PART')
    words.add_argument('--runs', type=int, default=200)
    words.add_argument('--hours', type=float)
    words.add_argument('--seed', type=int, default=1)
    words.add_argument('--case', type=int)
    words.add_argument('--jobs', type=int, default=os.cpu_count())
    words.add_argument('--hardy', default=os.path.join(ROOT, 'build', 'release', 'hardy'))
    options = words.parse_args()
    options.hardy = os.path.abspath(options.hardy)
    seeds, began = tempfile.mkdtemp(prefix='hardy-attack-seeds-'), time.monotonic()
    try:
        lab.make_seeds(options.hardy, seeds)
        tallies, broken = attack_with(options.parts or list(PARTS), options, seeds)
    finally:
        shutil.rmtree(seeds, ignore_errors=True)
    print(table(tallies))
    runs = sum(t.runs for t in tallies.values())
    print(f'{runs} runs in {time.monotonic() - began:.0f} s, seed {options.seed}; {broken} broke a rule')
    return 1 if broken or runs == 0 else 0


if __name__ == '__main__':
    sys.exit(main())
