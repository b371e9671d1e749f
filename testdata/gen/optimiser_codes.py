"""The numbers that 8-bit codes of an optimiser's moments stand for, by bitsandbytes.

    pip install bitsandbytes==0.50.2 torch==2.15.0
    python testdata/gen/optimiser_codes.py          # writes testdata/optimisers/codes.json
"""

import json
import pathlib

from bitsandbytes.functional import create_dynamic_map

OUT = pathlib.Path(__file__).resolve().parent.parent / "optimisers" / "codes.json"
made = {name: [float(x) for x in create_dynamic_map(signed=signed)] for name, signed in [("signed", True), ("unsigned", False)]}
OUT.write_text(json.dumps(made) + "\n")
