"""
Holds manifests against the schemas of Kubernetes and of custom resources, strictly: an unknown field is a fault.

Reads {"version": "1.29", "definitions": FILE, "manifests": [...]} from standard input and writes a list of faults, each a sentence, as
JSON. FILE has the schemas of custom resources by apiVersion and kind. A kind that has no schema is a fault, too.
"""

import functools
import json
import sys

import jsonschema
import kubernetes_validate
from kubernetes_validate import utils


def faults_of(manifest, version, custom):
    """At most one sentence: the first fault."""
    kind = f"{manifest['apiVersion']} {manifest['kind']}"
    name = f"{manifest['kind']} {manifest['metadata']['name']}"
    try:
        if kind in custom:
            jsonschema.Draft202012Validator(custom[kind]).validate(manifest)
        else:
            kubernetes_validate.validate(manifest, version, strict=True)
    except jsonschema.ValidationError as fault:
        return [f"{name}: {'.'.join(map(str, fault.absolute_path))}: {fault.message}"]
    except kubernetes_validate.SchemaNotFoundError as fault:
        return [f"{name}: {fault.message}"]
    return []


def main():
    """Reads, judges and writes."""
    # Some megabytes, read for each manifest otherwise.
    utils.schema_contents = functools.lru_cache(utils.schema_contents)
    asked = json.load(sys.stdin)
    with open(asked["definitions"], encoding="utf-8") as file:
        custom = json.load(file)
    faults = []
    for manifest in asked["manifests"]:
        faults += faults_of(manifest, asked["version"], custom)
    json.dump(faults, sys.stdout)


main()
