"""Optimiser steps as published unlearning code takes them: AdamW over all weights, the reference a second model in
memory that is asked in every step."""
import copy
import time

import torch
import torch.nn.functional as F

from peer_device import settle
from peer_rows import IGNORED, rows, tokens

BETA, LAYER, BELOW, STEERING = 0.1, 7, 2, 2.0


def sequence_losses(model, batch):
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    labels = batch["labels"][:, 1:]
    losses = F.cross_entropy(logits[:, :-1].transpose(1, 2), labels, ignore_index=IGNORED, reduction="none")
    return losses.sum(-1)


def states(model, batch):
    """The output of the layer; as in the published code, the whole model runs."""
    seen = []
    take = lambda module, inputs, output: seen.append(output[0] if isinstance(output, tuple) else output)
    hook = model.model.layers[LAYER].register_forward_hook(take)
    model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
    hook.remove()
    return seen[0]


def distance(gap, batch):
    """Squares: mean over the width, then over each answer's tokens, then over rows."""
    supervised = (batch["labels"] != IGNORED).to(gap.dtype)
    return ((gap.square().mean(-1) * supervised).sum(-1) / supervised.sum(-1)).mean()


class GradDiff:
    def __init__(self, model):
        self.model = model

    def loss(self, forget, retain):
        return self.model(**retain).loss - self.model(**forget).loss


class Npo:
    def __init__(self, model):
        self.model, self.reference = model, copy.deepcopy(model).eval()

    def loss(self, forget, retain):
        with torch.no_grad():
            before = sequence_losses(self.reference, forget)
        gain = sequence_losses(self.model, forget) - before
        return -(2 / BETA) * F.logsigmoid(BETA * gain).mean() + self.model(**retain).loss


class Rmu:
    """Every weight up to the layer gets a gradient and a step."""

    def __init__(self, model):
        self.model, self.reference = model, copy.deepcopy(model).eval()
        direction = torch.rand(model.config.hidden_size, device=model.device)
        self.target = (direction / direction.norm() * STEERING).to(model.dtype)

    def loss(self, forget, retain):
        away = distance(states(self.model, forget) - self.target, forget)
        with torch.no_grad():
            before = states(self.reference, retain)
        return away + distance(states(self.model, retain) - before, retain)


class FrugalRmu(Rmu):
    """The same, and only the layers that are to be trained ask for gradients."""

    def __init__(self, model):
        super().__init__(model)
        model.requires_grad_(False)
        for layer in model.model.layers[LAYER - BELOW : LAYER + 1]:
            layer.requires_grad_(True)


OBJECTIVES = {"grad-diff": GradDiff, "npo": Npo, "rmu": Rmu, "rmu-frugal": FrugalRmu}


def steps(model, encoder, options):
    """Steps on the rows in the files' order; the first one is for warming up."""
    objective = OBJECTIVES[options.method](model.train())
    trained = [p for p in model.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=options.learning_rate)
    sets = [rows(options.forget), rows(options.retain)]
    taken = []
    for step in range(options.steps):
        sides = []
        for side in sets:
            at = [(step * options.batch + i) % len(side) for i in range(options.batch)]
            sides.append(encoder.batch([(side[i]["question"], side[i]["answer"]) for i in at]))
        began = time.time()
        loss = objective.loss(*sides)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        settle(options.device)
        seconds = time.time() - began
        taken.append({"began": began, "seconds": seconds, "loss": loss.item(), "tokens": sum(map(tokens, sides))})
    return {"steps": taken}
