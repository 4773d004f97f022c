#!/usr/bin/env python3
"""Writes the test vectors beside this file: see README.md. Deterministic; needs Python 3.11 and the package `cryptography`."""

import sys

sys.dont_write_bytecode = True

from generator.bodies import object_body_vectors
from generator.contexts import context_vectors, expand_vectors, wrap_context_vectors
from generator.documents import document_vectors, object_vectors
from generator.key_blocks import key_block_vectors
from generator.mutations import mutation_vectors
from generator.unwraps import unwrap_vectors
from generator.wraps import wrap_vectors

if __name__ == "__main__":
    expand_vectors()
    context_vectors()
    wrap_context_vectors()
    wrap_vectors()
    key_block_vectors()
    document_vectors()
    unwrap_vectors()
    object_vectors()
    object_body_vectors()
    mutation_vectors()
