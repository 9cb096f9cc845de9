import assert from "node:assert/strict";
import { test } from "node:test";

import { hrefOf, placeOf } from "../src/place";

test("an address brings back the place that it was made for", () => {
    const options = { group: "web & mail", incident: "2026-01-01T00:00:00.000Z" };
    assert.deepEqual(placeOf(hrefOf("timeline", ["a/b", "ü"], options)), { view: "timeline", path: ["a/b", "ü"], options });
    assert.equal(hrefOf("overview"), "#/overview");
    assert.equal(hrefOf("timeline", [], { group: "", node: "node1" }), "#/timeline?node=node1");
});

test("an address that nobody made here is the overview", () => {
    for (const hash of ["", "#", "#/", "#/nowhere?x=1", "#%"]) assert.equal(placeOf(hash).view, "overview", hash);
    assert.deepEqual(placeOf("#/timeline/%zz").path, ["%zz"]);
});
