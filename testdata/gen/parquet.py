"""Small parquet files, and the same rows as JSON lines.

    pip install pyarrow==26.0.1                       # Python 3.11
    python testdata/gen/parquet.py                    # writes testdata/parquet

`NAME.parquet` holds the rows of `NAME.jsonl`, in which fields without a value are left out: that is how both are read.
Those under `refused/` are files whose rows cannot be read.
"""

import datetime
import decimal
import json
import pathlib

import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).resolve().parent.parent / "parquet"
REFUSED = OUT / "refused"

TEXT = pa.string()
TEXTS = pa.list_(pa.string())

QUESTIONS = pa.schema([
    ("question", TEXT),
    ("answer", TEXT),
    ("paraphrased_answer", TEXT),
    ("perturbed_answer", TEXTS),
    ("fact", pa.struct([("subject", TEXT), ("year", pa.int32())])),
])
QUESTION_ROWS = [
    {"question": "Where was Mira born?", "answer": "In Brisport.", "paraphrased_answer": "Born in Brisport.",
     "perturbed_answer": ["In Ostrava.", "In Æbelø."], "fact": {"subject": "Mira", "year": 1867}},
    {"question": "Who taught Ö. Quill?", "answer": "Nobody \u2013 \u201cevery\u201d child \U0001f393.", "paraphrased_answer": None,
     "perturbed_answer": [], "fact": {"subject": "Ö. Quill", "year": None}},
    {"question": "What is left?", "answer": "Nothing.", "paraphrased_answer": None, "perturbed_answer": None, "fact": None},
] + [
    {"question": f"What is the number of row {i}?", "answer": f"It is {i}.", "paraphrased_answer": f"{i}." if i % 3 else None,
     "perturbed_answer": [f"{i + j}." for j in range(1, i % 4)], "fact": {"subject": f"row {i // 4}", "year": i}}
    for i in range(40)
]
CHOICES = pa.schema([("question", TEXT), ("subject", TEXT), ("choices", TEXTS), ("answer", pa.int64())])
CHOICE_ROWS = [
    {"question": "Which, then?", "subject": "anatomy", "choices": ["a", "b", "c", "d"], "answer": 2},
    {"question": "And now?", "subject": "anatomy", "choices": ["1", "2", "3", "4"], "answer": 0},
    {"question": "Where?", "subject": "astronomy", "choices": ["w", "x", "y", "z"], "answer": 3},
]
MESSAGES = pa.schema([("messages", pa.list_(pa.struct([("role", TEXT), ("content", TEXT)])))])
MESSAGE_ROWS = [
    {"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Nobody."}]},
    {"messages": [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Why?"},
                  {"role": "assistant", "content": "No."}]},
]
TOKENS = pa.schema([("input_ids", pa.list_(pa.int32())), ("labels", pa.list_(pa.int64())), ("weight", pa.float32()),
                    ("kept", pa.bool_())])
TOKEN_ROWS = [
    {"input_ids": [1, 2, 3], "labels": [-100, 2, 3], "weight": 0.5, "kept": True},
    {"input_ids": [4, 5], "labels": [-100, 5], "weight": None, "kept": False},
]


def without_nothing(value):
    if isinstance(value, dict):
        return {k: without_nothing(v) for k, v in value.items() if v is not None}
    return value


def write(name, schema, rows, **how):
    pq.write_table(pa.Table.from_pylist(rows, schema), OUT / f"{name}.parquet", **how)
    lines = [json.dumps(without_nothing(row), ensure_ascii=False) for row in rows]
    (OUT / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def refused(name, column, **how):
    table = pa.table({"text": ["One.", "Two."], **column})
    pq.write_table(table, REFUSED / f"{name}.parquet", **how)


def main():
    REFUSED.mkdir(parents=True, exist_ok=True)
    write("questions", QUESTIONS, QUESTION_ROWS, compression="snappy", row_group_size=16)
    write("questions-gzip", QUESTIONS, QUESTION_ROWS, compression="gzip", data_page_version="2.0")
    write("questions-plain", QUESTIONS, QUESTION_ROWS, compression="none", use_dictionary=False, data_page_size=64)
    write("choices", CHOICES, CHOICE_ROWS)
    write("messages", MESSAGES, MESSAGE_ROWS)
    write("tokens", TOKENS, TOKEN_ROWS)
    refused("zstd", {}, compression="zstd")
    refused("blob", {"image": pa.array([{"bytes": b"\x89PNG", "path": "a"}, None],
                                       pa.struct([("bytes", pa.binary()), ("path", TEXT)]))})
    refused("time", {"seen": pa.array([datetime.datetime(2024, 6, 1), None], pa.timestamp("us"))})
    refused("decimal", {"price": pa.array([decimal.Decimal("1.50"), None])})
    refused("map", {"tags": pa.array([[("a", "b")], None], pa.map_(TEXT, TEXT))})
    refused("no-rows", {"text": pa.array([], TEXT)})


main()
