"""Takes part in the conformance suite of all clients: test/interop/README.md says how."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import keyside
from keyside import (
    CiphertextRejectedError,
    DecryptItem,
    EncryptedDocument,
    EncryptItem,
    KeysideClient,
    KeysideError,
    Metadata,
    RewrapItem,
)

PHASE = os.environ.get("KEYSIDE_INTEROP_PHASE")
NAMES = {
    "tenantId": "tenant_id",
    "requesterId": "requester_id",
    "dataLabel": "data_label",
    "requestId": "request_id",
    "sourceIp": "source_ip",
    "objectId": "object_id",
    "subjectId": "subject_id",
}
# Of pieces that are read and sent, so that they are cut where the daemon does not.
PIECE = 100_001

pytestmark = pytest.mark.skipif(PHASE is None, reason="KEYSIDE_INTEROP_PHASE is not set: there is no daemon")


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def of_b64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def pattern(length: int, seed: int) -> bytes:
    period = bytes((i * 31 + seed) % 251 for i in range(251))
    return (period * (length // 251 + 1))[:length]


def value_of(value: Mapping[str, Any]) -> bytes | str:
    if "text" in value:
        return str(value["text"])
    return of_b64(value["base64"]) if "base64" in value else pattern(value["bytes"], value["seed"])


def fields_of(fields: Mapping[str, Any]) -> dict[str, bytes | str]:
    return {name: value_of(value) for name, value in fields.items()}


def expected(fields: Mapping[str, Any]) -> dict[str, bytes]:
    return {name: v.encode() if isinstance(v, str) else v for name, v in fields_of(fields).items()}


def metadata_of(metadata: Mapping[str, Any]) -> Metadata:
    return Metadata(**{NAMES.get(name, name): value for name, value in metadata.items()})


def cut(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PIECE):
        yield data[start : start + PIECE]


class Suite:
    def __init__(self) -> None:
        self.scenarios = json.loads(Path(os.environ["KEYSIDE_INTEROP_SCENARIOS"]).read_text("utf-8"))
        self.folder = Path(os.environ["KEYSIDE_INTEROP_DIR"])
        self.tokens = Path(os.environ["KEYSIDE_INTEROP_TOKENS"])

    def find(self, kind: str, scenario: str) -> Mapping[str, Any]:
        return next(each for each in self.scenarios[kind] if each["id"] == scenario)


def write(suite: Suite, client: KeysideClient) -> None:
    written: dict[str, dict[str, object]] = {"documents": {}, "batches": {}, "streams": {}}
    for each in suite.scenarios["documents"]:
        document = client.encrypt(fields_of(each["fields"]), metadata_of(each["metadata"]))
        written["documents"][each["id"]] = stored(document)
    for each in suite.scenarios["batches"]:
        items = [EncryptItem(fields_of(d["fields"]), d["id"], context=d["context"]) for d in each["documents"]]
        results = client.encrypt_batch(items, metadata_of(each["metadata"]))
        assert [result.id for result in results] == [item.id for item in items]
        written["batches"][each["id"]] = [{"id": result.id, **stored(result.unwrap())} for result in results]
    for each in suite.scenarios["streams"]:
        body = f"python-{each['id']}.bin"
        source = cut(pattern(each["bytes"], each["seed"]))
        with (
            client.encrypt_stream(source, metadata_of(each["metadata"]), detached=each["detached"]) as stream,
            (suite.folder / body).open("wb") as file,
        ):
            file.writelines(stream)
            written["streams"][each["id"]] = {"edek": b64(stream.edek), "body": body}
    (suite.folder / "python.json").write_text(json.dumps(written))


def stored(document: EncryptedDocument) -> dict[str, object]:
    return {"edek": b64(document.edek), "fields": {name: b64(value) for name, value in document.fields.items()}}


class Reader:
    """Reads what one writer wrote. Each method ends in an assertion where it finds something else."""

    def __init__(self, suite: Suite, client: KeysideClient, writer: str) -> None:
        self.suite = suite
        self.client = client
        self.written = json.loads((suite.folder / f"{writer}.json").read_text("utf-8"))

    def stored(self, scenario: str) -> EncryptedDocument:
        document = self.written["documents"][scenario]
        return EncryptedDocument(of_b64(document["edek"]), {n: of_b64(v) for n, v in document["fields"].items()})

    def document(self, each: Mapping[str, Any]) -> None:
        metadata, want = metadata_of(each["metadata"]), expected(each["fields"])
        document = self.stored(each["id"])
        same(self.client.decrypt(document, metadata).fields, want)
        edek = self.client.rewrap(document.edek, metadata).edek
        same(self.client.decrypt(EncryptedDocument(edek, document.fields), metadata).fields, want)

    def batch(self, each: Mapping[str, Any]) -> None:
        metadata = metadata_of(each["metadata"])
        written = self.written["batches"][each["id"]]
        items = [
            DecryptItem(of_b64(w["edek"]), {n: of_b64(v) for n, v in w["fields"].items()}, id=w["id"], context=d["context"])
            for w, d in zip(written, each["documents"], strict=True)
        ]
        want = [(d["id"], expected(d["fields"])) for d in each["documents"]]
        results = self.client.decrypt_batch(items, metadata)
        same([(r.id, r.unwrap().fields) for r in results], want)
        first = items[0]
        wrong = DecryptItem(first.edek, first.fields, id=first.id, context={"wrong": "context"})
        rejected, *others = self.client.decrypt_batch([wrong, *items[1:]], metadata)
        assert isinstance(rejected.error, CiphertextRejectedError), f"the first item ended in {rejected}"
        same([(r.id, r.unwrap().fields) for r in others], want[1:])
        keys = self.client.rewrap_batch([RewrapItem(i.edek, i.id, i.context) for i in items], metadata)
        again = [DecryptItem(k.unwrap().edek, i.fields, id=i.id, context=i.context) for k, i in zip(keys, items, strict=True)]
        same([(r.id, r.unwrap().fields) for r in self.client.decrypt_batch(again, metadata)], want)

    def stream(self, each: Mapping[str, Any]) -> None:
        written = self.written["streams"][each["id"]]
        edek = of_b64(written["edek"]) if each["detached"] else None
        with (
            (self.suite.folder / written["body"]).open("rb") as body,
            self.client.decrypt_stream(body, metadata_of(each["metadata"]), edek=edek) as stream,
        ):
            same(b"".join(stream), pattern(each["bytes"], each["seed"]))

    def range(self, each: Mapping[str, Any]) -> None:
        whole = self.suite.find("streams", each["stream"])
        written = self.written["streams"][each["stream"]]
        edek = of_b64(written["edek"])
        with (
            (self.suite.folder / written["body"]).open("rb") as body,
            self.client.decrypt_range(
                body,
                metadata_of(whole["metadata"]),
                edek=edek,
                offset=each["offset"],
                length=each["length"],
                object_size=whole["bytes"],
                body_start=0 if whole["detached"] else len(edek),
            ) as stream,
        ):
            found = b"".join(stream)
        end = whole["bytes"] if each["length"] is None else each["offset"] + each["length"]
        same(found, pattern(whole["bytes"], whole["seed"])[each["offset"] : end])
        same(len(found), each["expected"])

    def errors(self, each: Mapping[str, Any]) -> None:
        document = self.suite.find("documents", each["document"]) if "document" in each else {"metadata": {}}
        metadata = metadata_of({**document["metadata"], **each.get("metadata", {})})
        timeout = each["deadlineMs"] / 1_000 if "deadlineMs" in each else None
        if "token" not in each:
            error = self.error(self.client, each, metadata, timeout)
        else:
            with KeysideClient(token_file=self.suite.tokens / each["token"]) as client:
                error = self.error(client, each, metadata, timeout)
        name = "".join(word.capitalize() for word in each["reason"].split("_")) + "Error"
        assert type(error) is getattr(keyside, name), f"ended in {error!r}"
        for key, found in {
            "reason": error.reason,
            "code": error.code,
            "retryable": error.retryable,
            "tenantId": error.tenant_id,
            "keyId": error.key_id,
        }.items():
            if key in each:
                assert found == each[key], f"{key} is {found!r}, not {each[key]!r}"
        assert str(error).startswith(f"{each['reason']}: ")

    def error(self, client: KeysideClient, each: Mapping[str, Any], metadata: Metadata, timeout: float | None) -> KeysideError:
        try:
            found = self.call(client, each, metadata, timeout)
        except KeysideError as error:
            return error
        check = found if isinstance(found, keyside.KeyCheck) else None
        assert check is not None, "the call did not fail"
        assert not check.usable, "the key is usable"
        assert check.error is not None, "the answer has no error"
        return check.error

    def call(self, client: KeysideClient, each: Mapping[str, Any], metadata: Metadata, timeout: float | None) -> object:
        match each["call"]:
            case "encrypt":
                fields = fields_of(each["fields"]) if "fields" in each else {"a": "x"}
                return client.encrypt(fields, metadata, timeout=timeout)
            case "decrypt":
                return client.decrypt(self.changed(each), metadata, timeout=timeout)
            case "rewrap":
                return client.rewrap(self.changed(each).edek, metadata, timeout=timeout)
            case "checkKey":
                return client.check_key(metadata.tenant_id, timeout=timeout)
            case "logSecurityEvent":
                return client.log_security_event(each["event"], metadata, timeout=timeout)
            case unknown:
                raise AssertionError(f"no such call: {unknown}")

    def changed(self, each: Mapping[str, Any]) -> EncryptedDocument:
        document = self.stored(each["document"])
        change = each.get("change", {})
        if "edek" in change:
            return EncryptedDocument(of_b64(change["edek"]), document.fields)
        if "flip" not in change:
            return document
        if change["flip"] == "edek":
            return EncryptedDocument(flipped(document.edek), document.fields)
        name = change["flip"]
        return EncryptedDocument(document.edek, {**document.fields, name: flipped(document.fields[name])})


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


def same(found: object, want: object) -> None:
    assert found == want, f"found {str(found)[:200]}, expected {str(want)[:200]}"


def says(read: Callable[[Mapping[str, Any]], None], each: Mapping[str, Any]) -> str:
    try:
        read(each)
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:500] or type(error).__name__
    return ""


def read(suite: Suite, client: KeysideClient) -> list[dict[str, object]]:
    results: list[dict[str, object]] = []
    kinds = {"document": "documents", "batch": "batches", "stream": "streams", "range": "ranges", "errors": "errors"}
    for writer in os.environ["KEYSIDE_INTEROP_WRITERS"].split(","):
        reader = Reader(suite, client, writer)
        for kind, name in kinds.items():
            for each in suite.scenarios[name]:
                said = says(getattr(reader, kind), each)
                results.append({"writer": writer, "kind": kind, "scenario": each["id"], "passed": said == "", "says": said})
    return results


def test_takes_part() -> None:
    suite = Suite()
    with KeysideClient() as client:
        if PHASE == "write":
            write(suite, client)
            return
        results = read(suite, client)
    (suite.folder / "read-by-python.json").write_text(json.dumps(results))
    failed = [f"{r['writer']} {r['kind']} {r['scenario']}: {r['says']}" for r in results if not r["passed"]]
    assert not failed, "\n".join(failed)
    assert results
