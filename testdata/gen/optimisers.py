"""Optimiser steps and smoothed gradients by PyTorch.

    pip install torch==2.15.* transformers==5.23.* safetensors
    python testdata/gen/optimisers.py          # writes testdata/optimisers/optimisers.{json,safetensors}

Steps: five on the 32 values of the golden llama's `model.norm.weight` along given gradients, float32, learning rate
1e-2. AdamW and SGD are PyTorch's own; Lion (arXiv 2302.06675, program 1) and Sophia's update (arXiv 2305.14342,
algorithm 3, the curvature given before the first and the third step) are written out.
Gradients: the mean negative log-likelihood of six rows, its gradient g, the gradient at theta + rho g/|g|, and the
Hessian's product with g/|g| by a second backward pass, all in float64.
"""

import json
import pathlib

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

DATA = pathlib.Path(__file__).resolve().parent.parent
LLAMA = DATA / "golden" / "models" / "llama"
NORM = "model.norm.weight"
KEPT = [NORM, "model.layers.0.input_layernorm.weight", "model.layers.1.self_attn.v_proj.weight"]
RATE, STEPS, RHO = 1e-2, 5, 0.05

CASES = {
    "adamw": {"optimizer": "adamw", "weight_decay": 0.1},
    "sgd": {"optimizer": "sgd", "weight_decay": 0.1},
    "sgd-momentum": {"optimizer": "sgd", "weight_decay": 0.1, "momentum": 0.9},
    "lion": {"optimizer": "lion", "weight_decay": 0.1},
    "sophia": {"optimizer": "sophia", "weight_decay": 0.1, "sophia": {"every": 2, "rho": 0.5}},
}


def lion(theta, gradients, decay, beta1=0.9, beta2=0.99):
    m = torch.zeros_like(theta)
    for g in gradients:
        update = torch.sign(beta1 * m + (1 - beta1) * g)
        theta = theta - RATE * (update + decay * theta)
        m = beta2 * m + (1 - beta2) * g
    return theta


def sophia(theta, gradients, curvatures, decay, rho, beta1=0.96, beta2=0.99, eps=1e-12):
    m, h = torch.zeros_like(theta), torch.zeros_like(theta)
    for t, g in enumerate(gradients):
        m = beta1 * m + (1 - beta1) * g
        if t in curvatures:
            h = beta2 * h + (1 - beta2) * curvatures[t]
        theta = theta - RATE * decay * theta
        theta = theta - RATE * torch.clamp(m / torch.clamp(rho * h, min=eps), -1, 1)
    return theta


def stepped(make, theta, gradients):
    theta = torch.nn.Parameter(theta.clone())
    optimizer = make([theta])
    for g in gradients:
        theta.grad = g.clone()
        optimizer.step()
    return theta.detach()


def steps():
    torch.manual_seed(7)
    theta = load_file(LLAMA / "model.safetensors")[NORM].float()
    gradients = torch.randn(STEPS, theta.numel()) * 0.1
    # Small, middling and negative curvature: moves that are clipped and moves that are not.
    curvatures = torch.randn(2, theta.numel()) * 20
    given = dict(zip([0, 2], curvatures))
    after = {
        "adamw": stepped(lambda p: torch.optim.AdamW(p, lr=RATE, weight_decay=0.1), theta, gradients),
        "sgd": stepped(lambda p: torch.optim.SGD(p, lr=RATE, weight_decay=0.1), theta, gradients),
        "sgd-momentum": stepped(
            lambda p: torch.optim.SGD(p, lr=RATE, weight_decay=0.1, momentum=0.9), theta, gradients
        ),
        "lion": lion(theta, gradients, 0.1),
        "sophia": sophia(theta, gradients, given, 0.1, 0.5),
    }
    tensors = {f"after.{name}": value.contiguous() for name, value in after.items()}
    return {"gradients": gradients, "curvatures": curvatures, **tensors}


def row(i):
    ids = [3 + (t * 7 + i * 13) % 90 for t in range(7 + i % 4)]
    return ids, [-100 if t < 3 else token for t, token in enumerate(ids)]


def loss_of(model):
    total, count = 0.0, 0
    for ids, labels in map(row, range(6)):
        logits = model(torch.tensor([ids])).logits[0, :-1]
        labels = torch.tensor(labels[1:])
        total = total + torch.nn.functional.cross_entropy(logits, labels, ignore_index=-100, reduction="sum")
        count += int((labels >= 0).sum())
    return total / count


def smoothed():
    model = AutoModelForCausalLM.from_pretrained(LLAMA, dtype=torch.float64, attn_implementation="eager")
    names, parameters = zip(*model.named_parameters())
    gradient = torch.autograd.grad(loss_of(model), parameters, create_graph=True)
    norm = torch.sqrt(sum((g**2).sum() for g in gradient))
    product = torch.autograd.grad(norm, parameters)
    gradient = [g.detach() for g in gradient]
    with torch.no_grad():
        for p, g in zip(parameters, gradient):
            p += RHO * g / norm
    there = torch.autograd.grad(loss_of(model), parameters)
    tensors = {}
    for kind, values in [("plain", gradient), ("sam", there), ("product", product)]:
        for name, value in zip(names, values):
            if name in KEPT:
                tensors[f"{kind}.{name}"] = value.float().contiguous()
    return tensors, float(norm)


tensors, norm = smoothed()
out = DATA / "optimisers"
out.mkdir(exist_ok=True)
save_file({**steps(), **tensors}, out / "optimisers.safetensors")
(out / "optimisers.json").write_text(
    json.dumps({"learning_rate": RATE, "rho": RHO, "norm": norm, "kept": KEPT, "cases": CASES}, indent=1) + "\n"
)
