"""What the released program is asked to do, and what is read of its doing."""
import json
import shutil
import statistics

from process import rate, run

NOTHING_MORE = ["--set", "eval.rows=1", "--set", 'eval.metrics=["probability"]', "--set", "train.save_seconds=1e9"]
RMU = ["--layers", "5-7", "--set", "method.layer=7", "--set", "method.steering_coeff=2", "--set", "method.alpha=1"]


class Ours:
    def __init__(self, setting, precision="float32"):
        self.setting = setting
        self.precision = precision

    def command(self, name, *flags, model=None):
        setting = self.setting
        common = ["--model", model or setting.model, "--threads", setting.threads, "--quiet"]
        common += [] if setting.device == "cpu" else ["--device", setting.device]
        common += [] if self.precision == "float32" else ["--precision", self.precision]
        return [setting.unlearn, name, *common, *flags]

    def recorded(self, name, *flags, model=None):
        """A command that leaves a run folder; the folder is removed with the next one."""
        folder = self.setting.out / "run"
        shutil.rmtree(folder, ignore_errors=True)
        chat = f"chat.system={json.dumps(self.setting.system)}"
        command = self.command(name, "--out", folder, "--set", chat, *flags, model=model)
        done = run(command, folder / "events.jsonl")
        return done, folder

    def steps(self, method, *flags):
        """Seconds of a step: the median without the first; peak memory of the whole run."""
        setting = self.setting
        rows = ["--forget", setting.tofu / "forget01.json", "--retain", setting.tofu / "retain99.json"]
        train = ["steps=%d" % setting.steps, "batch_size=4", "shuffle=false", "learning_rate=1e-5"]
        sets = [part for field in train for part in ("--set", f"train.{field}")]
        done, folder = self.recorded("run", "--method", method, *rows, *sets, *NOTHING_MORE, *flags)
        events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
        steps = [event for event in events if event["event"] == "step"]
        at = {event.get("name"): seen for seen, event in reversed(done.events) if event["event"] == "phase"}
        asking = max(at["train"] - at["reference"], 0) / len(steps)
        seconds = statistics.median(step["seconds"] for step in steps[1:])
        return {
            "step": seconds,
            "step-asked": seconds + asking,
            "peak": done.peak,
            "start": first_step(done, steps),
            "losses": [step["loss"] for step in steps],
            "tokens": [step["tokens"] for step in steps],
            "rate": rate(steps),
        }

    def start(self):
        """Seconds from the program's start to the first step, where nothing is evaluated before."""
        flags = ["--data", self.setting.tofu / "forget01.json", "--set", "train.steps=1", "--set", "train.batch_size=8"]
        done, folder = self.recorded("train", *flags)
        steps = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
        return first_step(done, [event for event in steps if event["event"] == "step"])

    def load(self):
        """Seconds of a whole process that reads the model and scores one short row."""
        flags = ["--input", self.setting.files["short"], "--system", self.setting.system]
        return run(self.command("score", *flags)).seconds

    def score(self):
        """Tokens a second, every token scored; start and load are taken off by a second run on the first rows."""
        return self.beyond("score", "--json", "--system", self.setting.system, of=lambda line: len(line["tokens"]))

    def generate(self):
        flags = ["--batch-size", 8, "--max-new-tokens", 48, "--temperature", 0, "--system", self.setting.system]
        return self.beyond("generate", "--json", *flags, of=lambda line: line["new_tokens"])

    def beyond(self, command, *flags, of):
        few, many = (run(self.command(command, "--input", self.setting.files[f], *flags)) for f in ("few", "many"))
        counts = [sum(of(json.loads(line)) for line in done.output.splitlines()) for done in (few, many)]
        return {"tokens": counts[1] - counts[0], "seconds": many.seconds - few.seconds, "peak": many.peak}

    def evaluated(self, files, metrics):
        """Seconds that an evaluation takes beyond one of a single row."""
        wanted = ["--set", f"eval.metrics={json.dumps(metrics)}"]
        one, _ = self.recorded("eval", "--forget", self.setting.files[files], "--set", "eval.rows=1", *wanted)
        all_rows, _ = self.recorded("eval", "--forget", self.setting.files[files], *wanted)
        return all_rows.seconds - one.seconds

    def suite(self, metrics):
        """Seconds of the whole process, and its scores."""
        setting = self.setting
        flags = ["--benchmark", "tofu", "--split", "forget01", "--data", setting.tofu]
        sets = ["--set", f"data.limit={setting.limit}", "--set", f"eval.metrics={json.dumps(metrics)}"]
        done, folder = self.recorded("eval", *flags, *sets, model=setting.suite_model)
        metrics = json.loads((folder / "eval.json").read_text())["metrics"]
        return {"seconds": done.seconds, "scores": {name: score["value"] for name, score in metrics.items()}}


def first_step(done, steps):
    """When the first step began: when it was seen to be done, without what it took."""
    return next(seen for seen, event in done.events if event["event"] == "step") - steps[0]["seconds"]
