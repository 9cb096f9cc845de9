import assert from "node:assert/strict";
import { test } from "node:test";

import { changes, type Seen } from "../src/cluster/visit";

const BEFORE: Seen = {
    at: 1000,
    nodes: { node1: "online", node2: "online" },
    groups: { web: { phase: "started", owner: "node1" }, db: { phase: "started", owner: "node2" } },
    version: 3,
};

test("nothing changed where all is as it was, whenever that was", () => {
    assert.deepEqual(changes(BEFORE, { ...BEFORE, at: 9000 }), []);
});

test("what moved, failed, came, went, and which configuration is in force", () => {
    const now: Seen = {
        at: 2000,
        nodes: { node1: "lost", node3: "online" },
        groups: { web: { phase: "started", owner: "node3" }, mail: { phase: "stopped", owner: "" } },
        version: 4,
    };
    assert.deepEqual(changes(BEFORE, now), [
        { kind: "version", before: 3, after: 4 },
        { kind: "node", name: "node1", before: "online", after: "lost" },
        { kind: "new", what: "node", name: "node3" },
        { kind: "gone", what: "node", name: "node2" },
        { kind: "group", name: "web", before: "started", after: "started", from: "node1", to: "node3" },
        { kind: "new", what: "group", name: "mail" },
        { kind: "gone", what: "group", name: "db" },
    ]);
});
