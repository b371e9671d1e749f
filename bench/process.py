"""Programs as a user starts them: wall time, peak memory, and when what appears in a run's `events.jsonl`."""
import dataclasses
import json
import os
import subprocess
import tempfile
import time

POLL = 0.004


@dataclasses.dataclass
class Done:
    seconds: float
    peak: int
    output: str
    began: float
    """When each event up to the first step was first seen, in seconds after the start, and the event."""
    events: list


class Failed(Exception):
    pass


def run(argv, events=None):
    """Runs a command to its end; `events` is the file that it appends its events to."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        began = time.time()
        child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out, stderr=err)
        try:
            seen = watch(child.pid, events, began) if events else Seen([], None)
            _, status, usage = seen.ended or os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            raise
        seconds = time.time() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        if child.returncode != 0:
            raise Failed(f"exit status {child.returncode}: {' '.join(map(str, argv))}\n{err.read()[-2000:]}")
        return Done(seconds, usage.ru_maxrss * 1024, out.read(), began, seen.events)


@dataclasses.dataclass
class Seen:
    events: list
    ended: tuple


def rate(steps):
    """Tokens a second of steps, without the first."""
    return sum(step["tokens"] for step in steps[1:]) / sum(step["seconds"] for step in steps[1:])


def watch(pid, path, began):
    """Looks at the file until the first step is there; later steps say themselves how long they took."""
    seen, size = [], 0
    while not any(event["event"] == "step" for _, event in seen):
        ended = os.wait4(pid, os.WNOHANG)
        if ended[0] != 0:
            return Seen(seen, ended)
        if path.exists() and path.stat().st_size > size:
            lines = path.read_text().splitlines(keepends=True)
            now, whole = time.time() - began, [line for line in lines if line.endswith("\n")]
            size = sum(len(line.encode()) for line in whole)
            seen += [(now, json.loads(line)) for line in whole[len(seen) :]]
        time.sleep(POLL)
    return Seen(seen, None)
