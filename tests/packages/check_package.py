"""Checks the description of a run's tables with the tools that it is written for.

    python check_package.py RUN

- Frictionless: the data package is valid, and so is each table by it: sizes, hashes, types, keys,
  references.
- jsonschema: each schema of a row is a schema, and every row fits it.
- pandas: each table is read with the types that the package gives.

Made with Python 3.11, frictionless 5.21.0, jsonschema 4.26.0, pandas 3.1.1. Not run by the test suite,
which needs no Python; core/cli/tests/experiment/package.rs checks the same without these tools.
"""

import csv
import json
import sys
from pathlib import Path

import frictionless
import jsonschema
import pandas

run = Path(sys.argv[1])
package = json.loads((run / "datapackage.json").read_text())

report = frictionless.validate(str(run / "datapackage.json"))
for task in report.tasks:
    print(f"frictionless: {task.place}: {task.stats['rows']} rows, {len(task.errors)} errors")
    for error in task.errors[:5]:
        print("   ", error.message)
assert report.valid, [error.message for error in report.errors]


def typed(field, text):
    """A field of CSV as the value that it stands for."""
    if text == "":
        return None
    kind = field["type"]
    if kind in ("integer",):
        return int(text)
    if kind == "number":
        return float(text)
    if kind == "boolean":
        return {"true": True, "false": False}[text]
    if kind == "object":
        return json.loads(text)
    return text


PANDAS = {"string": "string", "boolean": "boolean", "number": "float64", "object": "string", "any": "object"}
for resource in package["resources"]:
    schema = json.loads((run / "schemas" / f"{resource['name']}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    fields = resource["schema"]["fields"]
    with open(run / resource["path"], newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        validator.validate({f["name"]: typed(f, row[f["name"]]) for f in fields})
    # Whole numbers that may be missing, and seeds up to 2^64.
    types = {f["name"]: PANDAS.get(f["type"], "UInt64") for f in fields}
    frame = pandas.read_csv(run / resource["path"], dtype=types, keep_default_na=False, na_values=[""])
    plain = pandas.read_csv(run / resource["path"])
    assert len(frame) == len(plain) == len(rows)
    for field in fields:
        if field["type"] == "number":
            assert pandas.api.types.is_float_dtype(frame[field["name"]])
    print(f"jsonschema and pandas: {resource['path']}: {len(rows)} rows")
print("valid")
