#!/usr/bin/env python3
"""Compares COMMAND and COMMAND DOCS of Larder with those of a redis-server 7.0, row by row.

    command_info.py LARDER_PORT REDIS_PORT [--docs]

Both servers listen on 127.0.0.1. Every command and subcommand that both have must agree in arity, flags, key range, ACL
categories, tips and key specs; with --docs, argument trees must agree in shape, tokens and kinds too. Differences that
Redis 7.2 made are listed below and not counted. Exit code 1 if any other difference is found.
"""

import argparse
import socket
import sys

COLUMNS = ["name", "arity", "flags", "first", "last", "step", "categories", "tips", "key specs"]

# Redis 7.2 changed these; we report 7.2.
NEWER = {
    ("tips", name)
    for name in (
        "acl|deluser acl|save acl|setuser client|setname config|resetstat config|rewrite latency|reset msetnx randomkey scan"
    ).split()
}


class Connection:
    """Speaks RESP3 just well enough for this script."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.file = self.socket.makefile("rb")
        self.call("HELLO", "3")

    def call(self, *words):
        encoded = [word.encode() for word in words]
        request = b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)
        self.socket.sendall(request)
        return self.read()

    def read(self):
        line = self.file.readline()
        if not line:
            raise EOFError("the server closed the connection")
        mark, rest = chr(line[0]), line[1:-2].decode()
        if mark == "-":
            raise RuntimeError(rest)
        if mark == "+":
            return rest
        if mark == ":":
            return int(rest)
        if mark == "_":
            return None
        count = int(rest)
        if mark == "$":
            return self.file.read(count + 2)[:-2].decode()
        if mark == "%":
            return {self.read(): self.read() for _ in range(count)}
        elements = [self.read() for _ in range(count)]
        return tuple(elements) if mark == "~" else elements


def flatten(rows):
    """All rows by name, subcommands too, key specs without their remarks."""
    found = {}
    for row in rows:
        specs = [{key: value for key, value in spec.items() if key != "notes"} for spec in row[8]]
        found[row[0]] = row[:8] + [specs]
        found.update(flatten(row[9]))
    return found


def rows_differ(ours, theirs):
    for name in sorted(ours.keys() & theirs.keys()):
        for column, our, their in zip(COLUMNS, ours[name], theirs[name]):
            if our != their and (column, name) not in NEWER:
                yield f"{name}: {column} {our} instead of {their}"


def flatten_docs(docs):
    found = {}
    for name, doc in docs.items():
        found[name] = doc
        found.update(flatten_docs(doc.get("subcommands", {})))
    return found


def shape(argument):
    """What an argument looks like on the wire: names of groups and the choice of string kinds are free."""
    return (
        argument["type"],
        argument.get("token", "").upper(),
        tuple(argument.get("flags", ())),
        tuple(shape(child) for child in argument.get("arguments", ())),
    )


def docs_differ(ours, theirs):
    for name in sorted(ours.keys() & theirs.keys()):
        our, their = ours[name], theirs[name]
        for key in ("since", "group"):
            if our.get(key) != their.get(key):
                yield f"{name}: {key} {our.get(key)} instead of {their.get(key)}"
        our_shape, their_shape = ([shape(one) for one in doc.get("arguments", ())] for doc in (our, their))
        if our_shape != their_shape:
            yield f"{name}: arguments\n    {our_shape}\n    instead of\n    {their_shape}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("larder_port", type=int)
    parser.add_argument("redis_port", type=int)
    parser.add_argument("--docs", action="store_true", help="compare argument trees as well")
    options = parser.parse_args()
    larder, redis = Connection(options.larder_port), Connection(options.redis_port)
    ours, theirs = flatten(larder.call("COMMAND")), flatten(redis.call("COMMAND"))
    differences = list(rows_differ(ours, theirs))
    if options.docs:
        our_docs, their_docs = flatten_docs(larder.call("COMMAND", "DOCS")), flatten_docs(redis.call("COMMAND", "DOCS"))
        differences += docs_differ(our_docs, their_docs)
    print("\n".join(differences))
    print(f"{len(ours.keys() & theirs.keys())} commands in both, {len(differences)} differences")
    print("only in Larder:", " ".join(sorted(ours.keys() - theirs.keys())))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
