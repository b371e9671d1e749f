"""Writes testdata/objectives/objectives.json: what PyTorch makes of the objectives that testdata/golden has no case of.

    pip install torch==2.15.0 transformers==5.23.0 safetensors==0.8.0
    python testdata/gen/objectives.py        (from the root of the repository)

The model, the reference, and the rows are those of testdata/golden/objectives. Three AdamW steps as there; of each
case the loss at each step and the norm of each parameter's gradient at the first. In float64: float32 is off by up to
7e-4 of a loss after two steps.
"""

import json
import math
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM

GOLDEN = pathlib.Path("testdata/golden")
OUT = pathlib.Path("testdata/objectives/objectives.json")
tensors = load_file(GOLDEN / "objectives/tensors.safetensors")
tensors = {n: t.double() if t.is_floating_point() else t for n, t in tensors.items()}
config = AutoConfig.from_pretrained(GOLDEN / "models/llama")


def model(prefix):
    made = AutoModelForCausalLM.from_config(config, attn_implementation="eager").double()
    made.load_state_dict({n: tensors[f"{prefix}.{n}"] for n in made.state_dict()})
    return made


class Rows:
    """A batch: supervised positions are those whose next token has a label."""

    def __init__(self, name, context=()):
        fields = ("input_ids", "labels", "attention_mask")
        ids, labels, mask = (tensors[f"{name}.{f}"] for f in fields)
        n, before = ids.shape[0], torch.tensor(context, dtype=ids.dtype)
        put = lambda x, value: torch.cat([value.expand(n, -1), x], 1)
        self.ids, self.mask = put(ids, before), put(mask, torch.ones_like(before))
        self.labels = put(labels, torch.full_like(before, -100))
        self.next = self.labels[:, 1:]
        self.at = self.next != -100
        self.y = self.next.clamp(min=0)

    def states(self, of):
        return of(input_ids=self.ids, attention_mask=self.mask, output_hidden_states=True)

    def logits(self, of):
        return self.states(of).logits[:, :-1]

    def tokens(self, of):
        """Log-probability of each supervised token, 0 elsewhere."""
        logp = F.log_softmax(self.logits(of), -1)
        return torch.where(self.at, logp.gather(-1, self.y[..., None])[..., 0], 0.0)

    def n(self):
        return self.at.sum()

    def nll(self, of):
        return -self.tokens(of).sum() / self.n()

    def sums(self, of):
        return self.tokens(of).sum(1)

    def means(self, values):
        return torch.where(self.at, values, 0.0).sum(1) / self.at.sum(1)


forget, retain, other = Rows("forget"), Rows("retain"), Rows("alternate")
reference = model("reference")
for p in reference.parameters():
    p.requires_grad_(False)


def kl(m):
    p0, p = (F.log_softmax(retain.logits(x), -1) for x in (reference, m))
    return ((p0.exp() * (p0 - p)).sum(-1) * retain.at).sum() / retain.n()


def preference(margin, beta):
    return -(2 / beta) * F.logsigmoid(beta * margin).mean()


def gain(rows, m):
    return rows.sums(m) - rows.sums(reference)


def own(rows, states):
    """Means over each answer's own tokens, then over rows."""
    at = rows.labels != -100
    return ((states * at).sum(1) / at.sum(1)).mean()


def block(rows, of, layer):
    """The output of a block; the last one's before the final norm."""
    kept = []
    hook = of.model.layers[layer].register_forward_hook(
        lambda _, __, out: kept.append(out[0] if isinstance(out, tuple) else out))
    of(input_ids=rows.ids, attention_mask=rows.mask)
    hook.remove()
    return kept[0]


def hidden(rows, m, layer):
    return own(rows, (block(rows, m, layer) - block(rows, reference, layer)).pow(2).mean(-1))


def js(p, q):
    middle = (p + q) / 2
    half = lambda a: torch.where(a > 0, a * (a.clamp(min=1e-30) / middle).log(), 0.0).sum(-1) / 2
    return half(p) + half(q)


def llmu(m, _):
    return (0.5 * forget.means(forget.tokens(m)).mean() - other.means(other.tokens(m)).mean() + kl(m))


def idk_nll(m, _):
    both = -(other.tokens(m).sum() + 2 * retain.tokens(m).sum())
    return both / (other.n() + retain.n())


def tnpo(a):
    def loss(m, _):
        logp = forget.tokens(m)
        p, p0 = logp.exp().detach(), forget.tokens(reference).exp()
        weight = 2 * p ** (2 + a) / (p**2 + p0**2 + 1e-5)
        return torch.where(forget.at, weight * logp, 0.0).sum() / forget.n() + retain.nll(m)
    return loss


def flat(form):
    def loss(m, _):
        pe, pf = (r.means(r.tokens(m).exp()) for r in (other, forget))
        return form(pe, pf).mean()
    return loss


def me_gd(m, _):
    logp = F.log_softmax(forget.logits(m), -1)
    uniform = -math.log(logp.shape[-1]) - logp.mean(-1)
    return 0.1 * (uniform * forget.at).sum() / forget.n() + retain.nll(m)


def idk_ap(m, _):
    margin = retain.sums(m) - other.sums(m)
    return other.nll(m) - (1 / 0.1) * F.logsigmoid(0.1 * margin).mean()


def jens_un(m, _):
    refusal = [5, 9, 7]
    p = F.softmax(forget.logits(m), -1)
    total = 0.0
    for row in range(p.shape[0]):
        places = forget.at[row].nonzero()[:, 0]
        for i, t in enumerate(places):
            q = F.one_hot(torch.tensor(refusal[i % 3]), p.shape[-1]).double()
            total = total + js(p[row, t], q)
    kept = js(F.softmax(retain.logits(m), -1), F.softmax(retain.logits(reference), -1))
    return total / forget.n() + (kept * retain.at).sum() / retain.n()


def adaptive_rmu(m, _):
    u = tensors["rmu.direction"] / tensors["rmu.direction"].norm()
    before = block(forget, reference, 1)
    target = 1.5 * before.norm(dim=-1, keepdim=True) * u
    return own(forget, (block(forget, m, 1) - target).pow(2).mean(-1)) + 3 * hidden(retain, m, 1)


def circuit_breaker(m, step):
    way = 0.5 * step / 3
    cos = lambda layer: F.relu(F.cosine_similarity(block(forget, m, layer), block(forget, reference, layer), dim=-1))
    at, kept = forget.labels != -100, retain.labels != -100
    turned = sum((cos(layer) * at).sum() for layer in (0, 2)) / (2 * at.sum())
    gap = lambda layer: ((block(retain, m, layer) - block(retain, reference, layer)).pow(2).sum(-1) + 1e-12).sqrt()
    held = sum((gap(layer) * kept).sum() for layer in range(3)) / (3 * kept.sum())
    return 2 * (1 - way) * turned + 2 * way * held


def rep_noise(m, _):
    """Without the noise, which is drawn."""
    differ = forget.ids != other.ids
    here, there = differ[:, 1:] & forget.at, differ[:, 1:] & other.at
    mean = lambda values, mask: torch.where(mask, values, 0.0).sum(1) / mask.sum(1).clamp(min=1)
    learned = -mean(other.tokens(m), there).mean()
    total = -mean(forget.tokens(m), here)
    for layer in range(3):
        scores = m.lm_head(m.model.norm(block(forget, m, layer)))[:, :-1]
        logp = F.log_softmax(scores, -1).gather(-1, forget.y[..., None])[..., 0]
        total = total - mean(logp, here)
    return learned - 0.5 * torch.log1p(total / 4).mean()


def elm(m, _):
    contexts = ([4, 9], [11])
    at_t = lambda rows, skip: F.log_softmax(rows.logits(reference)[:, skip:] / 1.2, -1)
    plain = at_t(forget, 0)
    expert, novice = (at_t(Rows("forget", c), len(c)) for c in contexts)
    total = 0.0
    logp = F.log_softmax(forget.logits(m), -1)
    for row in range(plain.shape[0]):
        places = forget.at[row].nonzero()[:, 0]
        for i, t in enumerate(places):
            eta = 1 + (3 - 1) * i / max(len(places) - 1, 1)
            guided = plain[row, t] - eta * (expert[row, t] - novice[row, t])
            top = guided.topk(10)
            total = total - (F.softmax(top.values, -1) * logp[row, t, top.indices]).sum()
    label = retain.logits(reference).argmax(-1)
    kept = F.log_softmax(retain.logits(m), -1).gather(-1, label[..., None])[..., 0]
    kept = -torch.where(retain.at, kept, 0.0).sum() / retain.n()
    return total / forget.n() + 2 * kept + 0.5 * other.nll(m)


CASES = {
    "llmu": (llmu, {"name": "llmu", "mismatches": 1}),
    "idk_nll": (idk_nll, {"name": "idk-nll", "alpha": 2.0}),
    "idk_nll_apart": (lambda m, _: 0.5 * other.nll(m) + 2 * kl(m),
                      {"name": "idk-nll", "gamma": 0.5, "alpha": 2.0, "retain": "kl"}),
    "idk_dpo": (lambda m, _: preference(gain(other, m) - gain(forget, m), 0.3) + 0.5 * retain.nll(m),
                {"name": "idk-dpo", "beta": 0.3, "alpha": 0.5}),
    "alt_po": (lambda m, _: preference(gain(other, m) - gain(forget, m), 0.1) + kl(m),
               {"name": "alt-po", "retain": "kl"}),
    "alt_npo": (lambda m, _: preference(-gain(forget, m), 0.2) + 0.7 * other.nll(m) + retain.nll(m),
                {"name": "alt-npo", "beta": 0.2, "alternate_weight": 0.7}),
    "tnpo": (tnpo(0.0), {"name": "tnpo", "beta": 2.0}),
    "wtnpo": (tnpo(1.5), {"name": "tnpo", "beta": 2.0, "a": 1.5}),
    "flat_total_variation": (flat(lambda e, f: (torch.tanh(f) - torch.tanh(e)) / 2), {"name": "flat"}),
    "flat_kl": (flat(lambda e, f: -e + torch.exp(f - 1)), {"name": "flat", "divergence": "kl"}),
    "flat_jensen_shannon": (
        flat(lambda e, f: torch.log1p(torch.exp(-e)) - math.log(2) + f + torch.log1p(torch.exp(-f)) - math.log(2)),
        {"name": "flat", "divergence": "jensen-shannon"}),
    "flat_pearson": (flat(lambda e, f: -e + f * f / 4 + f), {"name": "flat", "divergence": "pearson"}),
    "me_gd": (me_gd, {"name": "me-gd"}),
    "idk_ap": (idk_ap, {"name": "idk-ap"}),
    "jens_un": (jens_un, {"name": "jens-un", "refusal_ids": [5, 9, 7]}),
    "adaptive_rmu": (adaptive_rmu, {"name": "adaptive-rmu", "layer": 1, "scale": 1.5, "alpha": 3.0,
                                    "direction": "rmu"}),
    "circuit_breaker": (circuit_breaker, {"name": "circuit-breaker", "layers": [0, 2], "alpha": 2.0}),
    "rep_noise": (rep_noise, {"name": "rep-noise", "beta": 0.0, "ascent": 0.5}),
    "elm": (elm, {"name": "elm", "expert_ids": [4, 9], "novice_ids": [11], "eta": 3.0, "top_k": 10, "alpha": 2.0,
                  "fluency": 0.5}),
    "grad_diff_hidden": (lambda m, _: -forget.nll(m) + 3 * hidden(retain, m, 2),
                         {"name": "grad-diff", "alpha": 3.0, "retain": "hidden"}),
}

written = {}
for name, (loss, method) in CASES.items():
    policy = model("model")
    adamw = torch.optim.AdamW(policy.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
    losses, norms = [], {}
    for step in range(3):
        adamw.zero_grad()
        value = loss(policy, step)
        value.backward()
        losses.append(value.item())
        if step == 0:
            norms = {n: 0.0 if p.grad is None else p.grad.norm().item() for n, p in policy.named_parameters()}
        adamw.step()
    print(f"{name:24}", *(f"{x:.6f}" for x in losses))
    written[name] = {"method": method, "loss_steps_1_2_3": losses, "grad_norm": norms}
OUT.parent.mkdir(exist_ok=True)
OUT.write_text(json.dumps(written, indent=1) + "\n")
