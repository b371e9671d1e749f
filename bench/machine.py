"""What the figures were taken on."""
import os
import platform
import subprocess

FLAGS = ["avx2", "fma", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16"]


def describe(unlearn, python, device, rates):
    versions = "import torch, transformers; print(torch.__version__, transformers.__version__)"
    torch, transformers = said([python, "-c", versions]).split() or ["?", "?"]
    return {
        "cpu": cpu("model name") or platform.processor(),
        "cores": os.cpu_count(),
        "flags": [flag for flag in FLAGS if flag in cpu("flags").split()],
        "memory": memory(),
        "system": f"{platform.system()} {platform.release()}",
        "unlearn": said([unlearn, "--version"]).split()[-1],
        "torch": torch,
        "transformers": transformers,
        "load": os.getloadavg()[0],
        "device": device,
        "rates": rates,
    }


def sentence(machine, threads):
    rates = " and ".join(f"{found['rate'] / 1e9:.0f} in {dtype}" for dtype, found in machine["rates"].items())
    card = next((found["name"] for found in machine["rates"].values()), None)
    return (
        f"{f'On {card}. ' if card else ''}{machine['cpu']}, {machine['cores']} cores ({', '.join(machine['flags'])}), "
        f"{machine['memory'] / 2**30:.0f} GiB of memory, {machine['system']}; {threads} threads on each side; "
        f"unlearn {machine['unlearn']}, PyTorch {machine['torch']}, transformers {machine['transformers']}; "
        f"load before the start {machine['load']:.2f}. PyTorch multiplies square matrices at {rates} GFLOP/s."
    )


def cpu(field):
    try:
        lines = open("/proc/cpuinfo").read().splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.split(":")[0].strip() == field), "")


def memory():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def said(argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout
