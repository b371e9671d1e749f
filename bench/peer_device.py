"""The device that PyTorch computes on."""
import time

import torch

SIZE, TIMES = {"cpu": 2048, "cuda": 8192}, 8


def settle(device):
    """Waits for what the device was asked to do."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def matrix_rate(model, encoder, options):
    """Operations a second, two to a product, in the product of two square matrices: the best of some. And how many of the
    model's parameters stand in matrices that every token is multiplied by."""
    size, best = SIZE[options.device.split(":")[0]], 0.0
    a, b = (torch.randn(size, size, device=options.device).to(model.dtype) for _ in range(2))
    for _ in range(TIMES):
        settle(options.device)
        began = time.time()
        a @ b
        settle(options.device)
        best = max(best, 2 * size**3 / (time.time() - began))
    linear = [m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Linear)]
    return {"rate": best, "matrices": sum(linear), "name": name(options.device)}


def name(device):
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else None
