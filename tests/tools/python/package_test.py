"""The Python package: datasets, training, policies, environments and studies, against NumPy, Gymnasium and the command.

  package_test.py HARDY [unittest's arguments]     exit code 77: the module was not built
"""

import contextlib
import json
import keyword
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

HARDY = os.path.abspath(sys.argv[1]) if __name__ == "__main__" else ""
try:
    import hardy
except ImportError as e:
    print(f"skipped: the Python module is not in this build ({e})")
    sys.exit(77)

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

QUICK = {"hidden": [16, 16], "batch_size": 32}


def command(*words, code=0):
    done = subprocess.run([HARDY, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout


def files_of(run):
    """Checkpoints and policies, by name."""
    return {p.relative_to(run).as_posix(): p.read_bytes() for part in ("checkpoints", "policy")
            for p in sorted((Path(run) / part).iterdir())}


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        os.chdir(cls.folder.name)
        command("data", "collect", "--env", "pendulum", "--behaviour", "random", "--steps", 1000, "p.hdf5")
        cls.data = hardy.open_dataset("p.hdf5")

    @classmethod
    def tearDownClass(cls):
        os.chdir("/")
        cls.folder.cleanup()


class Datasets(Package):
    def test_columns_are_the_files_and_share_one_memory(self):
        import h5py
        with h5py.File("p.hdf5") as f:
            for key in ("observations", "actions", "rewards", "terminals"):
                np.testing.assert_array_equal(self.data[key], f[key][:])
        self.assertEqual(self.data.observations.ctypes.data, self.data["observations"].ctypes.data)
        self.assertEqual(np.from_dlpack(self.data.observations).ctypes.data, self.data.observations.ctypes.data)

    def test_arrays_outlive_their_dataset(self):
        data = hardy.open_dataset("p.hdf5")
        x, before = data.observations, data.observations.copy()
        del data
        for _ in range(5):
            hardy.open_dataset("p.hdf5")
        np.testing.assert_array_equal(x, before)

    def test_arrays_of_ones_own_are_taken_without_a_copy(self):
        mine = {k: np.array(self.data[k]) for k in ("observations", "actions", "rewards", "terminals")}
        data = hardy.open_dataset(mine)
        for key, array in mine.items():
            self.assertEqual(data[key].ctypes.data, array.ctypes.data)

    def test_wrong_columns_are_refused_by_name(self):
        mine = {k: np.array(self.data[k]) for k in ("observations", "actions", "rewards", "terminals")}
        for key, value, said in (("rewards", mine["rewards"][:-1], "has 999 rows"),
                                 ("actions", mine["actions"].astype(np.complex64), "complex64"),
                                 ("observations", np.asfortranarray(mine["observations"]), "C order")):
            with self.assertRaisesRegex(hardy.HardyError, said) as caught:
                hardy.open_dataset({**mine, key: value})
            self.assertIn(key, caught.exception.where)
            self.assertIsInstance(caught.exception, ValueError)
        with self.assertRaisesRegex(hardy.HardyError, "observations"):
            hardy.open_dataset({"obs": mine["observations"]})
        half = hardy.open_dataset({**mine, "rewards": mine["rewards"].astype(np.float16)})
        with self.assertRaisesRegex(hardy.HardyError, "'rewards'"):
            half.audit()

    def test_corruption_is_the_commands_and_its_undoing_is_exact(self):
        bad = self.data.corrupt(["dynamics", "rewards:adversarial"], rate=0.3, seed=3, generator="numpy")
        command("data", "corrupt", "p.hdf5", "bad.hdf5", "--elements", "dynamics,rewards:adversarial", "--rate", 0.3,
                "--seed", 3, "--generator", "numpy")
        same = hardy.open_dataset("bad.hdf5")
        for key in ("observations", "actions", "rewards", "next_observations"):
            np.testing.assert_array_equal(bad[key], same[key])
        self.assertEqual(bad.corruption["elements"], same.corruption["elements"])
        back = bad.undo()
        for key in self.data:
            np.testing.assert_array_equal(back[key], self.data[key])
        self.assertIsNone(self.data.corruption)
        repaired, report = bad.repair()
        self.assertIn("next_observations", json.dumps(report))
        self.assertEqual(len(repaired), 1000)

    def test_audits_say_what_the_command_says(self):
        bad = self.data.corrupt("dynamics", rate=0.3)
        bad.save("audited.hdf5")
        said = json.loads(command("data", "audit", "audited.hdf5", "--json", code=3))
        mine = bad.audit()
        self.assertEqual([f["text"] for f in mine.findings], [f["text"] for f in said["findings"]])
        self.assertEqual(len(mine.to_pandas()), len(mine))
        self.assertEqual(self.data.inspect()["rows"], 1000)

    def test_a_saved_dataset_reads_back_as_it_was(self):
        self.data.corrupt("actions").save("saved.hdf5")
        again = hardy.open_dataset("saved.hdf5")
        for key, value in self.data.corrupt("actions")._columns.items():
            np.testing.assert_array_equal(again[key], value)
        with self.assertRaisesRegex(hardy.HardyError, "saved.hdf5"):
            self.data.save("saved.hdf5")

    def test_parquet_files_give_the_columns_that_were_written(self):
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            self.skipTest("pyarrow is not installed")
        def rows(x):
            return pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), x.shape[1])
        x, a = np.array(self.data.observations), np.array(self.data.actions)
        flat = {"rewards": self.data.rewards, "terminals": self.data.terminals, "timeouts": self.data.timeouts}
        table = pa.table({"observations": rows(x), "actions": pa.array(list(a)), **{k: pa.array(v) for k, v in flat.items()}})
        pq.write_table(table, "p.parquet", row_group_size=300)
        data = hardy.open_dataset("p.parquet")
        for key, value in {"observations": x, "actions": a, **flat}.items():
            self.assertEqual(data[key].dtype, value.dtype)
            np.testing.assert_array_equal(data[key], value)
        self.assertEqual(data.audit().findings, hardy.open_dataset({k: np.array(data[k]) for k in data}).audit().findings)
        self.assertTrue(hardy.BC(**QUICK).fit(data, steps=5, out="parquet").finished)
        ragged = pa.array([[1.0], [1.0, 2.0]] + [[1.0]] * 998)
        for key, values, said in (("rewards", pa.array([None] + [1.0] * 999), "1 rows without a value"),
                                  ("actions", ragged, "rows of 1 to 2 numbers"),
                                  ("rewards", pa.array(["one"] * 1000), "no numbers")):
            pq.write_table(table.set_column(table.column_names.index(key), key, values), "bad.parquet")
            with self.assertRaisesRegex(hardy.HardyError, said) as caught:
                hardy.open_dataset("bad.parquet")
            self.assertEqual(caught.exception.where, f"bad.parquet /{key}")
        Path("text.parquet").write_text("no Parquet")
        for path, said in (("text.parquet", "cannot be read"), ("none.parquet", "does not exist")):
            with self.assertRaisesRegex(hardy.HardyError, said):
                hardy.open_dataset(path)

    def test_repair_by_models_is_the_commands(self):
        command("data", "collect", "--env", "pendulum", "--behaviour", "random", "--steps", 2200, "more.hdf5")
        bad = hardy.open_dataset("more.hdf5").corrupt(["rewards"], rate=0.2, seed=1).save("models.hdf5")
        keys = {"members": 2, "hidden": 16, "model_steps": 600, "rounds": 2}
        repaired, report = bad.repair(models=True, threads=2, **keys)
        words = [w for k, v in keys.items() for w in ("--" + k.replace("_", "-"), v)]
        said = json.loads(command("data", "repair", "models.hdf5", "mended.hdf5", "--models", "--json", *words))
        self.assertEqual(report, said)
        same = hardy.open_dataset("mended.hdf5")
        self.assertEqual(sorted(repaired), sorted(same))
        for key in same:
            np.testing.assert_array_equal(repaired[key], same[key])
        self.assertEqual(repaired["hardy/scores/rewards"].shape, (2200,))
        for wrong, said in (({"models": True, "continuity": "next"}, "weigh both copies"), ({"continuity": "no"}, "continuity"),
                            ({"models": True, "sure": 0.2}, "sure"), ({"winsorise": 0.7}, "winsorise")):
            with self.assertRaisesRegex(hardy.HardyError, said):
                bad.repair(**wrong)

    def test_minari_datasets_come_as_they_are(self):
        import minari
        command("data", "convert", "p.hdf5", "m", "--to", "minari")
        ours = hardy.open_dataset("m")
        theirs = hardy.open_dataset(minari.MinariDataset(Path("m/data")))
        np.testing.assert_array_equal(ours.observations, theirs.observations)
        np.testing.assert_array_equal(ours.next_observations, theirs.next_observations)


class Training(Package):
    def fit(self, out, **more):
        method = hardy.RIQL(critics=2, **QUICK)
        return method.fit(self.data, **{"env": "pendulum", "steps": 60, "seeds": 2, "out": out, "eval_episodes": 2, **more})

    def test_policies_are_the_commands_bytes_at_any_number_of_threads(self):
        for threads in (1, 2):
            run = self.fit("one", threads=threads)
            mine = files_of("one")
            line = run.command.split()
            self.assertEqual(line[:2], ["hardy", "train"])
            os.rename("one", "mine")
            subprocess.run([HARDY, *line[1:]], check=True, capture_output=True)
            self.assertEqual(files_of("one"), mine)
            for folder in ("one", "mine"):
                subprocess.run(["rm", "-r", folder], check=True)

    def test_a_stopped_run_goes_on_to_the_same_bytes(self):
        seen = []
        steps = {"log_every": 10, "checkpoint_every": 1000, "resume": True}
        self.fit("whole", **steps)
        def stop(record):
            seen.append(record.step)
            return len(seen) < 2
        run = self.fit("stopped", callback=stop, **steps)
        self.assertFalse(run.finished)
        run = self.fit("stopped", **steps)
        self.assertTrue(run.finished)
        whole, again = files_of("whole"), files_of("stopped")
        self.assertEqual(sorted(k for k in whole if "policy" in k), sorted(k for k in again if "policy" in k))
        w, s = hardy.Run("whole").policies[1], run.policies[1]
        np.testing.assert_array_equal(w(self.data.observations), s(self.data.observations))
        np.testing.assert_array_equal(hardy.Run("whole").curve("loss/q")[1], run.curve("loss/q")[1])

    def test_control_c_leaves_a_run_that_goes_on_to_the_commands_bytes(self):
        words = "steps=3000, seeds=2, out='long', log_every=100, resume=True"
        program = f"""if True:
            import hardy, time
            def hear(record):
                print(record.step, flush=True)
                time.sleep(0.2)
            hardy.BC(hidden=[16, 16], batch_size=32).fit('p.hdf5', {words}, callback=hear)"""
        child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        child.stdout.readline()
        child.send_signal(2)
        _, said = child.communicate(timeout=60)
        self.assertIn("KeyboardInterrupt", said)
        self.assertFalse(hardy.Run("long").finished)
        self.assertTrue(list(Path("long/checkpoints").iterdir()))
        run = hardy.BC(**QUICK).fit("p.hdf5", steps=3000, seeds=2, out="long", log_every=100, resume=True)
        self.assertTrue(run.finished)
        policies = {p.name: p.read_bytes() for p in Path("long/policy").iterdir()}
        os.rename("long", "went_on")
        subprocess.run([HARDY, *run.command.split()[1:]], check=True, capture_output=True)
        self.assertEqual({p.name: p.read_bytes() for p in Path("long/policy").iterdir()}, policies)

    def test_what_a_callback_raises_ends_the_run_and_is_raised(self):
        def fail(record):
            raise KeyError("mine")
        with self.assertRaisesRegex(KeyError, "mine"):
            self.fit("raised", callback=fail, log_every=10)
        self.assertFalse(hardy.Run("raised").finished)

    def test_other_threads_run_meanwhile_and_two_fits_keep_their_bits(self):
        alone = {}
        for name in ("a", "b"):
            self.fit(f"alone_{name}", seed=3 if name == "b" else 0, threads=1, steps=400)
            alone[name] = [p(self.data.observations) for p in hardy.Run(f"alone_{name}").policies]
        ticks = [0]
        done = threading.Event()
        def tick():
            while not done.is_set():
                ticks[0] += 1
                time.sleep(0.001)
        ticker = threading.Thread(target=tick)
        ticker.start()
        fits = [threading.Thread(target=self.fit, args=(f"both_{n}",), kwargs={"seed": s, "threads": 1, "steps": 400})
                for n, s in (("a", 0), ("b", 3))]
        for f in fits:
            f.start()
        for f in fits:
            f.join()
        done.set()
        ticker.join()
        self.assertGreater(ticks[0], 5)
        for name in ("a", "b"):
            for mine, theirs in zip(hardy.Run(f"both_{name}").policies, alone[name]):
                np.testing.assert_array_equal(mine(self.data.observations), theirs)

    def test_settings_and_errors_are_the_schemas(self):
        with self.assertRaisesRegex(hardy.HardyError, "critics") as caught:
            hardy.RIQL(critics=0)
        self.assertTrue(caught.exception.fix)
        with self.assertRaisesRegex(hardy.HardyError, "no such key"):
            hardy.RIQL(critcs=2)
        with self.assertRaisesRegex(hardy.HardyError, "does not exist"):
            hardy.BC().fit("none.hdf5", out="nothing")
        self.assertFalse(os.path.exists("nothing"))
        self.assertIn("riql", hardy.RIQL.__doc__)

    def test_every_setting_of_every_method_can_be_a_parameter_and_comes_back_as_its_key(self):
        from hardy._words import parameter, words
        for name in hardy.methods.__all__:
            method = getattr(hardy.methods, name).name
            for setting, _, _ in hardy.methods._keys(method):
                self.assertTrue(setting.isidentifier() and not keyword.iskeyword(setting), f"{method}: {setting}")
        for key in ("batch-size", "lambda", "from"):
            self.assertEqual(words({parameter(key): 1}), [f"--{key}", "1"])

    def test_data_in_memory_are_written_beside_the_run(self):
        bad = self.data.corrupt("dynamics", rate=0.3)
        run = hardy.BC(**QUICK).fit(bad, steps=20, out="memory")
        self.assertTrue(run.finished)
        self.assertEqual(hardy.open_dataset("memory.hdf5").corruption["rows"], 1000)
        with self.assertRaisesRegex(hardy.HardyError, "another dataset"):
            hardy.BC(**QUICK).fit(self.data.corrupt("actions"), steps=20, out="memory")

    def test_metrics_plots_and_pages(self):
        import matplotlib
        matplotlib.use("Agg")
        run = self.fit("shown", log_every=20)
        table = run.metrics
        self.assertEqual(set(table["seed"]), {0, 1})
        scores = table[table["kind"] == "eval"]["score/mean"]
        self.assertTrue(np.isfinite(scores).all() and len(scores) > 0)
        self.assertEqual(run.plot("loss/q").get_ylabel(), "loss/q")
        self.assertIn("riql", run.report("page.html"))
        self.assertIn("<html", Path("page.html").read_text())

    def test_a_method_written_in_python_trains_as_the_same_one_in_c(self):
        from hardy import ops

        class MyBC(hardy.OwnMethod, name="my_bc", summary="imitation, written in Python"):
            head = "deterministic"
            defaults = {"hidden": [16, 16], "batch_size": 32, "learning_rate": 3e-4}

            def build(self, learner):
                u = learner.update("policy")
                b = learner.batch(u)
                u.imitate(learner.policy(), b, learning_rate=self.settings["learning_rate"])
                u.report("spread", ops.mean_per_agent(ops.square(b.actions - 0.5) + 1))

        words = {"steps": 50, "seeds": 2, "env": "pendulum"}
        mine = MyBC().fit(self.data, out="my_bc", threads=2, **words)
        same = hardy.BC(head="deterministic", normalise=False, learning_rate=3e-4, **QUICK).fit(self.data, out="bc", **words)
        for ours, theirs in zip(mine.policies, same.policies):
            np.testing.assert_array_equal(ours(self.data.observations), theirs(self.data.observations))
        spread = mine.curve("spread")[1]
        self.assertTrue((spread > 1).all())
        self.assertTrue(np.isfinite(mine.curve("score/mean")[1]).all())
        with self.assertRaisesRegex(hardy.HardyError, "is the name of a method"):
            type("Again", (hardy.OwnMethod,), {}, name="bc", summary="again")


class Acting(Package):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_ = hardy.IQL(**QUICK).fit(cls.data, steps=50, seeds=2, out="iql", env="pendulum")
        cls.policy = cls.run_.policies[0]

    def test_one_row_and_many_agree(self):
        x = self.data.observations[:100]
        many = self.policy(x)
        self.assertEqual(many.shape, (100, 1))
        np.testing.assert_allclose(self.policy(x[7]), many[7], rtol=0, atol=1e-6)
        np.testing.assert_array_equal(self.policy.predict(x[7])[0], self.policy(x[7]))
        with self.assertRaisesRegex(hardy.HardyError, "observations"):
            self.policy(np.zeros(4))
        with self.assertRaisesRegex(hardy.HardyError, "not finite"):
            self.policy(np.array([0, np.nan, 0]))

    def test_returns_are_those_of_the_command(self):
        said = json.loads(command("eval", "iql", "--episodes", 5, "--seed", 42, "--json"))
        mine = hardy.evaluate(self.run_.policies, "pendulum", episodes=5, seed=42)
        np.testing.assert_array_equal(mine.returns, [p["returns"] for p in said])
        # The same draws in a VectorEnv, for any number of instances.
        for n in (1, 3, 5):
            again = hardy.evaluate(self.run_.policies, hardy.make_vec("pendulum", n), episodes=5, seed=42)
            np.testing.assert_allclose(again.returns, mine.returns, rtol=1e-6)
            np.testing.assert_allclose(again.scores, mine.scores, rtol=1e-6)

    def test_vector_environments_keep_gymnasiums_rules(self):
        env = hardy.make_vec("cart_pole", 4)
        self.assertIs(env.metadata["autoreset_mode"], AutoresetMode.NEXT_STEP)
        observations, info = env.reset(seed=5)
        self.assertIn(observations, env.observation_space)
        first = observations.copy()
        rng = np.random.default_rng(0)
        ended = np.zeros(4, dtype=bool)
        begun = 0
        for _ in range(200):
            actions = rng.integers(0, 2, 4)
            self.assertIn(actions, env.action_space)
            observations, rewards, terminated, truncated, _ = env.step(actions)
            self.assertIn(observations, env.observation_space)
            np.testing.assert_array_equal(rewards[ended], 0)
            self.assertFalse((terminated | truncated)[ended].any())
            begun += ended.sum()
            ended = terminated | truncated
        self.assertGreater(begun, 4)
        np.testing.assert_array_equal(env.reset(seed=5)[0], first)
        two = hardy.make_vec("cart_pole", 2, threads=2)
        np.testing.assert_array_equal(two.reset(seed=5)[0], first[:2])

    def test_a_policy_plays_in_gymnasium(self):
        envs = gym.make_vec("Pendulum-v1", num_envs=4)
        e = hardy.evaluate(self.policy, envs, episodes=8, seed=1)
        self.assertEqual(e.returns.shape, (1, 8))
        self.assertTrue((e.lengths == 200).all())
        ours = hardy.evaluate(self.policy, "pendulum", episodes=50, seed=1)
        spread = ours.returns.std() / np.sqrt(8) + ours.returns.std() / np.sqrt(50)
        self.assertLess(abs(e.returns.mean() - ours.returns.mean()), 4 * spread + 1)

    def test_gymnasiums_hopper_pays_what_the_engines_does_in_one_process_with_mujoco(self):
        import mujoco  # another release than the engine's
        command("data", "collect", "--env", "hopper", "--behaviour", "random", "--steps", 1000, "h.hdf5")
        policy = hardy.BC(**QUICK).fit("h.hdf5", steps=200, out="hopper").policies[0]
        ours = hardy.evaluate(policy, "hopper", episodes=100, seed=1)
        with contextlib.closing(gym.make_vec("Hopper-v5", num_envs=10)) as envs:
            theirs = hardy.evaluate(policy, envs, episodes=100, seed=1)
        # Version 5 does not pay the 1 for being upright in the step of the fall, D4RL's task does.
        paid = ours.returns - (ours.lengths < 1000)
        error = np.hypot(paid.std(), theirs.returns.std()) / 10
        self.assertLess(abs(paid.mean() - theirs.returns.mean()), 4 * error, mujoco.__version__)
        self.assertLess(error, 0.1 * paid.mean())
        self.assertLess(abs(ours.lengths.mean() - theirs.lengths.mean()), 0.2 * ours.lengths.mean())

    def test_densities_are_those_of_the_draws(self):
        a = np.linspace(-2, 2, 4001, dtype=np.float32)
        x = np.repeat(self.data.observations[:1], len(a), axis=0)
        drawn = hardy.AWAC(**QUICK).fit(self.data, steps=50, out="awac", env="pendulum").policies[0]
        p = np.exp(drawn.log_prob(x, a[:, None]))
        u = drawn(np.repeat(x[:1], 4000, axis=0), seed=1)[:, 0]
        inside = np.abs(u) < 1.99  # what is held to the bounds lies on them
        for low, high in ((-1.9, 0), (0, 1.9)):
            between = (a >= low) & (a <= high)
            share = ((u >= low) & (u <= high) & inside).mean()
            self.assertLess(abs(np.trapezoid(p[between], a[between]) - share), 0.03)
        with self.assertRaisesRegex(hardy.HardyError, "no density"):
            self.policy.log_prob(x, a[:, None])


def history_of(path):
    """What a Weights & Biases file holds of its run's history: records in LevelDB's log format behind 7 bytes."""
    from wandb.proto import wandb_internal_pb2 as messages
    data, at, whole = Path(path).read_bytes(), 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        size, kind = int.from_bytes(data[at + 4:at + 6], "little"), data[at + 6]
        if left < 7 or kind == 0:
            at += left
            continue
        whole += data[at + 7:at + 7 + size]
        at += 7 + size
        if kind in (1, 4):  # whole, or the last part
            record = messages.Record()
            record.ParseFromString(whole)
            whole = b""
            if record.WhichOneof("record_type") == "history":
                yield {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in record.history.item}


class Loggers(Package):
    def fit(self, out, log):
        return hardy.BC(**QUICK).fit(self.data, steps=60, log_every=20, seeds=2, out=out, callback=log)

    def check(self, run, logged):
        steps, values = run.curve("loss/policy")
        self.assertEqual([s for s, _ in logged], list(steps))
        np.testing.assert_allclose([v for _, v in logged], values.mean(axis=1), rtol=1e-12)

    def test_weights_and_biases_offline(self):
        try:
            import wandb
        except ImportError:
            self.skipTest("wandb is not installed")
        os.environ["WANDB_SILENT"] = "true"
        ours = wandb.init(mode="offline", project="hardy", dir=".", settings=wandb.Settings(console="off"))
        run = self.fit("wandb_run", hardy.loggers.wandb_logger(ours))
        ours.finish()
        file, = Path("wandb").glob("offline-run-*/*.wandb")
        until = time.monotonic() + 60  # a process of theirs writes it
        while len(list(history_of(file))) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        self.check(run, [(r["step"], r["loss/policy"]) for r in history_of(file)])

    def test_mlflow_in_a_folder(self):
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
        try:
            import mlflow
        except ImportError:
            self.skipTest("mlflow is not installed")
        mlflow.set_tracking_uri("file:./mlruns")
        with mlflow.start_run() as ours:
            run = self.fit("mlflow_run", hardy.loggers.mlflow_logger())
        history = mlflow.MlflowClient().get_metric_history(ours.info.run_id, "loss/policy")
        self.check(run, [(m.step, m.value) for m in history])


class Page(Package):
    def test_the_program_of_the_page_runs_as_it_stands(self):
        page = (Path(os.environ["HARDY_SOURCE"]) / "docs" / "python.md").read_text()
        program = page.split("```python\n", 1)[1].split("```", 1)[0]
        os.rename("p.hdf5", "pendulum.hdf5")
        try:
            env = {**os.environ, "MPLBACKEND": "Agg"}
            done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env)
        finally:
            os.rename("pendulum.hdf5", "p.hdf5")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(Path("score.png").stat().st_size > 1000 and Path("riql.html").exists())

    def test_the_example_of_a_method_runs(self):
        example = Path(os.environ["HARDY_SOURCE"]) / "examples" / "own_method.py"
        self.assertLessEqual(len(example.read_text().splitlines()), 60)
        done = subprocess.run([sys.executable, str(example), "p.hdf5", "pendulum"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("finished", done.stdout)


class Typing(unittest.TestCase):
    def test_every_public_name_says_what_it_takes_and_arrays_say_their_shapes(self):
        import inspect
        lacks = []

        def look(name, thing, whole=""):
            said = inspect.getdoc(thing) or ""
            if not said.strip():
                lacks.append(f"{name} says nothing")
                return
            try:
                parameters = inspect.signature(thing).parameters if callable(thing) else {}
            except ValueError:  # what is compiled writes its signature into its docstring
                words = re.findall(r"(\w+): ", said.splitlines()[0])
                parameters = {w: inspect.Parameter(w, inspect.Parameter.KEYWORD_ONLY) for w in words}
                said = "\n".join(said.splitlines()[1:])
                if not said.strip():
                    lacks.append(f"{name} says nothing")
            missing = [p for p, v in parameters.items() if p != "self" and v.kind not in (v.VAR_KEYWORD, v.VAR_POSITIONAL)
                       and not re.search(rf"\b{p}\b", said + whole)]
            lacks.extend(f"{name} does not say what {p} is" for p in missing)
            kinds = str(getattr(thing.fget if isinstance(thing, property) else thing, "__annotations__", {}))
            if "ndarray" in kinds and "[" not in said:
                lacks.append(f"{name} does not say the shapes of its arrays")

        names = {name: getattr(hardy, name) for name in hardy.__all__}
        names.update({f"{m.__name__[6:]}.{k}": v for m in (hardy.ops, hardy.loggers) for k, v in vars(m).items()
                      if inspect.isroutine(v) and k != "need" and not k.startswith("_")})
        names.update({k: getattr(hardy._native, k) for k in ("Value", "Rows", "Network", "PolicyParts", "Update", "Builder")})
        for name, thing in names.items():
            if not inspect.isclass(thing):
                if not inspect.ismodule(thing):
                    look(name, thing)
                continue
            whole = inspect.getdoc(thing) or ""
            if not whole.strip():
                lacks.append(f"{name} says nothing")
            for k, v in vars(thing).items():
                if not k.startswith("_") and (callable(v) or isinstance(v, property)):
                    look(f"{name}.{k}", v.__func__ if isinstance(v, (staticmethod, classmethod)) else v)
        self.assertEqual(lacks, [])

    def test_mypy_is_strict_with_the_package_and_the_example(self):
        try:
            import mypy  # noqa: F401
        except ImportError:
            self.skipTest("mypy is not installed")
        example = Path(os.environ["HARDY_SOURCE"]) / "examples" / "own_method.py"
        with tempfile.TemporaryDirectory() as folder:
            use = Path(folder) / "use.py"
            use.write_text("import hardy\nrun: hardy.Run = hardy.RIQL(critics=5, alpha=0.25).fit('x.hdf5', steps=3)\n"
                           "p: hardy.Policy = run.policies[0]\nhardy.RIQL(critcs=5)\n")
            where = Path(hardy.__file__).parent.parent
            done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", folder, use, example],
                                  capture_output=True, text=True, cwd=folder, env={**os.environ, "MYPYPATH": str(where)})
        errors = [line for line in done.stdout.splitlines() if ": error:" in line]
        self.assertEqual(len(errors), 1, done.stdout + done.stderr)  # the misspelt key, and nothing else
        self.assertIn("critcs", errors[0])


class Studies(Package):
    def test_regret_is_the_commands(self):
        said = json.loads(command("regret", "--env", "mirror", "--method", "ftrl_log_barrier exp_weights", "--episodes",
                                  "16 32 64", "--replicas", 8, "--threads", 1, "--json"))
        lines = []
        mine = hardy.regret("mirror", ["ftrl_log_barrier", "exp_weights"], episodes=[16, 32, 64], replicas=8, say=lines.append)
        def without_times(x):
            if isinstance(x, dict):
                return {k: without_times(v) for k, v in x.items() if k != "seconds"}
            return [without_times(v) for v in x] if isinstance(x, list) else x
        self.assertEqual(without_times(mine.results), without_times(said))
        self.assertTrue(lines)
        self.assertEqual(len(mine.to_pandas()), 6)
        with self.assertRaises(hardy.HardyError):
            hardy.regret("mirror", "no_such_learner")
        self.assertIn("ftrl_log_barrier", dict(hardy.regret_methods()))


if __name__ == "__main__":
    done = unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=1, exit=False)
    sys.exit(0 if done.result.wasSuccessful() else 1)
