"""Checks manifests against docs/reference/manifest.schema.json.

    python check_manifests.py SCHEMA MANIFEST...

Made with Python 3.11 and jsonschema 4.26.0. Not run by the test suite, which needs no Python.
"""

import json
import sys
import tomllib

import jsonschema

with open(sys.argv[1]) as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for path in sys.argv[2:]:
    with open(path, "rb") as file:
        validator.validate(tomllib.load(file))
    print(f"{path}: valid")
