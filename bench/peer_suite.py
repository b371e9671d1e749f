"""TOFU's metrics, each with passes of its own over the rows, as they stand side by side in published code."""
import statistics
import time
import zlib

import torch
import torch.nn.functional as F

from peer_rows import IGNORED, rows

K = 0.4


def likelihoods(model, encoder, pairs, size, whole=False):
    """Of each row, the log-probability of every supervised token, whether it was the likeliest and, where `whole`, how
    far it lies above the mean of the distribution in its standard deviations."""
    seen = []
    for at in range(0, len(pairs), size):
        batch = encoder.batch(pairs[at : at + size])
        with torch.no_grad():
            logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1].float()
        labels = batch["labels"][:, 1:]
        scores = F.log_softmax(logits, -1)
        own = scores.gather(-1, labels.clamp(min=0).unsqueeze(-1)).squeeze(-1)
        best = logits.argmax(-1) == labels
        if whole:
            mean = (scores.exp() * scores).sum(-1)
            own = (own - mean) / ((scores.exp() * scores.square()).sum(-1) - mean.square()).clamp(min=1e-12).sqrt()
        for row, hit, label in zip(own, best, labels):
            kept = label != IGNORED
            seen.append((row[kept].tolist(), hit[kept].tolist()))
    return seen


def means(seen):
    return [statistics.fmean(row) for row, _ in seen]


def longest_common(a, b):
    line = [0] * (len(b) + 1)
    for x in a:
        before = 0
        for j, y in enumerate(b):
            before, line[j + 1] = line[j + 1], before + 1 if x == y else max(line[j], line[j + 1])
    return line[-1]


def answers(model, encoder, questions, size, longest):
    said = []
    for at in range(0, len(questions), size):
        batch = encoder.prompts(questions[at : at + size])
        options = {"do_sample": False, "max_new_tokens": longest, "pad_token_id": encoder.pad}
        with torch.no_grad():
            new = model.generate(**batch, **options)[:, batch["input_ids"].shape[1] :]
        said += encoder.tokenizer.batch_decode(new, skip_special_tokens=True)
    return said


class Suite:
    def __init__(self, model, encoder, options):
        self.model, self.encoder, self.options, self.scores = model, encoder, options, {}

    def look(self, pairs, **options):
        return likelihoods(self.model, self.encoder, pairs, self.options.batch, **options)

    def probability(self, name, pairs):
        self.scores[name] = statistics.fmean(torch.tensor(means(self.look(pairs))).exp().tolist())

    def wrong(self, items):
        return [(item["question"], answer) for item in items for answer in item["perturbed_answer"]]

    def truth_ratio(self, name, items):
        right = means(self.look([(i["question"], i.get("paraphrased_answer", i["answer"])) for i in items]))
        wrong, at, ratios = means(self.look(self.wrong(items))), 0, []
        for item, own in zip(items, right):
            count = len(item["perturbed_answer"])
            ratios.append(torch.tensor(statistics.fmean(wrong[at : at + count]) - own).exp().item())
            at += count
        self.scores[name] = statistics.fmean(ratios)

    def normalised(self, name, items):
        own = means(self.look([(i["question"], i["answer"]) for i in items]))
        wrong, at, shares = means(self.look(self.wrong(items))), 0, []
        for item, right in zip(items, own):
            count = len(item["perturbed_answer"])
            shares.append(torch.tensor([right, *wrong[at : at + count]]).softmax(0)[0].item())
            at += count
        self.scores[name] = statistics.fmean(shares)

    def rouge(self, name, pairs):
        said = answers(self.model, self.encoder, [q for q, _ in pairs], self.options.batch, self.options.new_tokens)
        shares = [longest_common(a.split(), s.split()) / len(a.split()) for (_, a), s in zip(pairs, said)]
        self.scores[name] = statistics.fmean(shares)

    def memorised(self, pairs):
        hits = [statistics.fmean(hit) for _, hit in self.look(pairs)]
        self.scores["forget/exact-memorization"] = statistics.fmean(hits)
        strengths = []
        for _, hit in self.look(pairs):
            missed = max((i + 1 for i, said in enumerate(hit) if not said), default=0)
            strengths.append(1 - missed / len(hit))
        self.scores["forget/extraction-strength"] = statistics.fmean(strengths)

    def membership(self, forget, holdout):
        lowest = lambda row: statistics.fmean(sorted(row)[: max(1, int(len(row) * K))])
        compressed = lambda row, pair: statistics.fmean(row) / len(zlib.compress(pair[1].encode()))
        attacks = {
            "mia/loss": (False, lambda row, pair: statistics.fmean(row)),
            "mia/zlib": (False, compressed),
            "mia/min-k": (False, lambda row, pair: lowest(row)),
            "mia/min-k-plus-plus": (True, lambda row, pair: lowest(row)),
        }
        for name, (whole, score) in attacks.items():
            sides = [[score(row, p) for (row, _), p in zip(self.look(s, whole=whole), s)] for s in (forget, holdout)]
            above = [(a > b) + (a == b) / 2 for a in sides[0] for b in sides[1]]
            self.scores[name] = statistics.fmean(above)

    def all(self):
        read = lambda name: rows(f"{self.options.tofu}/{name}.json")[: self.options.limit]
        own = lambda items: [(i["question"], i["answer"]) for i in items]
        forget, holdout = read("forget01_perturbed"), own(read("holdout01"))
        sets = {"forget": forget, "retain": read("retain_perturbed")}
        world = {"real-authors": read("real_authors_perturbed"), "world-facts": read("world_facts_perturbed")}
        asked_otherwise = [(i["paraphrased_question"], i["answer"]) for i in forget]
        self.probability("paraphrased/probability", asked_otherwise)
        self.rouge("paraphrased/rouge", asked_otherwise)
        for name, items in {**sets, **world}.items():
            self.probability(f"{name}/probability", own(items))
            self.probability(f"{name}/probability-perturbed", self.wrong(items))
            self.truth_ratio(f"{name}/truth-ratio", items)
            self.rouge(f"{name}/rouge", own(items))
            if name in sets:
                pairs = [(i["question"], i["paraphrased_answer"]) for i in items]
                self.probability(f"{name}/probability-paraphrased", pairs)
            else:
                self.normalised(f"{name}/probability-normalised", items)
        self.memorised(own(forget))
        self.membership(own(forget), holdout)


def suite(model, encoder, options):
    work = Suite(model.eval(), encoder, options)
    began = time.time()
    work.all()
    return {"seconds": time.time() - began, "scores": work.scores}
