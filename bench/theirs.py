"""What PyTorch's side is asked to do: `peer.py`, a process for each question."""
import json
import pathlib
import statistics

from process import rate, run

PEER = pathlib.Path(__file__).with_name("peer.py")


class Theirs:
    def __init__(self, setting, dtype):
        self.setting, self.dtype = setting, dtype

    def ask(self, work, *flags, model=None):
        setting = self.setting
        where = ["--model", model or setting.model, "--threads", setting.threads, "--system", setting.system]
        where += ["--device", setting.device]
        done = run([setting.python, "-B", PEER, work, "--dtype", self.dtype, *where, *flags])
        return done, json.loads(done.output.splitlines()[-1])

    def steps(self, method):
        setting = self.setting
        rows = ["--forget", setting.tofu / "forget01.json", "--retain", setting.tofu / "retain99.json"]
        done, said = self.ask("step", "--method", method, "--steps", setting.steps, *rows)
        steps = said["steps"]
        seconds = statistics.median(step["seconds"] for step in steps[1:])
        return {
            "step": seconds,
            "step-asked": seconds,
            "peak": done.peak,
            "start": steps[0]["began"] - done.began,
            "losses": [step["loss"] for step in steps],
            "tokens": [step["tokens"] for step in steps],
            "rate": rate(steps),
        }

    def matrices(self):
        """How fast the device multiplies matrices, and how many of the model's parameters stand in some."""
        return self.ask("rate")[1]

    def load(self):
        return self.ask("load")[0].seconds

    def score(self):
        return self.beyond("score", self.setting.score_batch)

    def generate(self):
        return self.beyond("generate", 8)

    def beyond(self, work, batch):
        files = ["--input", self.setting.files["many"], "--warm", self.setting.few, "--batch", batch]
        done, said = self.ask(work, *files)
        return said | {"peak": done.peak}

    def suite(self):
        setting = self.setting
        flags = ["--tofu", setting.tofu, "--limit", setting.limit, "--batch", 16, "--new-tokens", 200]
        return self.ask("suite", *flags, model=setting.suite_model)[1]
