"""Rows of TOFU as token batches, the way published unlearning code makes them: padded to the longest of the batch."""
import json
import pathlib

import torch

IGNORED = -100


def rows(path):
    """The rows of a file of JSON lines, or of one JSON array."""
    text = pathlib.Path(path).read_text()
    if text.lstrip().startswith("["):
        return json.loads(text)
    return [json.loads(line) for line in text.splitlines() if line]


class Encoder:
    """The model's own chat template; only the answer and its end token are supervised."""

    def __init__(self, tokenizer, system, device):
        self.tokenizer, self.system, self.device = tokenizer, system, device
        self.pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id

    def prompt(self, question):
        return self._template([{"role": "user", "content": question}], add_generation_prompt=True)

    def row(self, question, answer):
        """Token ids, and how many of them are the prompt's."""
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        ids, prompt = self._template(turns), len(self.prompt(question))
        return (ids if ids[-1] == self.tokenizer.eos_token_id else ids + [self.tokenizer.eos_token_id]), prompt

    def batch(self, pairs):
        """`(question, answer)` pairs side by side, padded on the right."""
        encoded = [self.row(*pair) for pair in pairs]
        width = max(len(ids) for ids, _ in encoded)
        ids = torch.full((len(encoded), width), self.pad)
        labels, mask = torch.full_like(ids, IGNORED), torch.zeros_like(ids)
        for i, (row, prompt) in enumerate(encoded):
            ids[i, : len(row)] = torch.tensor(row)
            labels[i, prompt : len(row)] = torch.tensor(row[prompt:])
            mask[i, : len(row)] = 1
        return self.there({"input_ids": ids, "attention_mask": mask, "labels": labels})

    def prompts(self, questions):
        """Prompts side by side, padded on the left."""
        encoded = [self.prompt(question) for question in questions]
        width = max(map(len, encoded))
        ids = torch.full((len(encoded), width), self.pad)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(encoded):
            ids[i, width - len(row) :] = torch.tensor(row)
            mask[i, width - len(row) :] = 1
        return self.there({"input_ids": ids, "attention_mask": mask})

    def there(self, batch):
        return {name: tensor.to(self.device) for name, tensor in batch.items()}

    def _template(self, turns, **options):
        turns = [{"role": "system", "content": self.system}, *turns]
        return self.tokenizer.apply_chat_template(turns, tokenize=True, return_dict=True, **options)["input_ids"]


def tokens(batch):
    """Tokens that are no padding."""
    return int(batch["attention_mask"].sum())
