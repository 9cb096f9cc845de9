import assert from "node:assert/strict";
import { test } from "node:test";

import { changedFiles, CHECK_MS, Draft, rebased } from "../src/configure/draft";
import { moved, optionValue, setting, withOption } from "../src/configure/form";
import { FakeConsole, FILES, HIDDEN } from "./console";
import { Clock } from "./fake";

class Memory {
    constructor(readonly found: Record<string, string> = {}) {}
    getItem = (key: string) => this.found[key] ?? null;
    setItem = (key: string, value: string) => void (this.found[key] = value);
    removeItem = (key: string) => void delete this.found[key];
}

const NODE2 = { file: "cluster.conf", section: "Node", name: "node2" };

async function opened(memory = new Memory(), service = new FakeConsole()) {
    const clock = new Clock();
    const draft = new Draft(service.console, clock.later, memory, "draft");
    draft.look(4);
    await clock.pass(CHECK_MS);
    return { clock, draft, service, memory };
}

test("a draft begins as what stands in the files, is read for forms and checked", async () => {
    const { draft, service } = await opened();
    const state = draft.state();
    assert.deepEqual([state.base, state.fresh, changedFiles(state)], ["base 4", false, []]);
    assert.deepEqual(state.form?.nodes.map((one) => one.name), ["node1", "node2"]);
    assert.deepEqual(state.form?.groups[0]?.resources.map((one) => one.unit), ["standfast-ip@192.0.2.100.service", "apache2.service"]);
    assert.deepEqual(state.found, []);
    assert.deepEqual(service.calls, ["Get", "Files", "Read", "Check"]);
});

test("forms send edits, text is written, and both change the same draft", async () => {
    const { draft, clock, service } = await opened();
    draft.edit(setting(NODE2, "Fence", "bmc-node2"));
    draft.write("units/webserv.target", "# by hand\n[X-Standfast]\nResources=apache2.service\n");
    draft.edit(setting({ file: "units/webserv.target", section: "X-Standfast", name: "" }, "Domain", "first"));
    await clock.pass(CHECK_MS);
    const { files, form, original } = draft.state();
    assert.equal(files["units/webserv.target"], "# by hand\n[X-Standfast]\nResources=apache2.service\nDomain=first\n");
    assert.equal(form?.nodes[1]?.values.Fence?.[0]?.value, "bmc-node2");
    assert.deepEqual(changedFiles(draft.state()), ["cluster.conf", "units/webserv.target"]);
    assert.deepEqual([original, service.files], [FILES, FILES]); // nothing is written before a push
});

test("edits that depend on what stands there see those before them, however fast they came", async () => {
    const { draft, clock } = await opened();
    const spot = { file: "cluster.conf", section: "FenceDevice", name: "bmc-node1" };
    for (const [name, value] of [["ip", "192.0.2.9"], ["username", "fence"], ["ssl", ""]] as const)
        draft.edit((form) => [setting(spot, "Option", withOption(form.devices[0]?.values.Option ?? [], name, value))]);
    await clock.pass(CHECK_MS);
    const options = draft.state().form?.devices[0]?.values.Option?.map((line) => line.value);
    assert.deepEqual(options, ["ip=192.0.2.9", "username=fence"]);
});

test("it is checked once after the last keystroke, and an answer to an older text counts for nothing", async () => {
    const { draft, clock, service } = await opened();
    service.problems = [["cluster.conf", 6, "Id=1 is node2's", false]];
    for (const text of ["[Cluster]", "[Cluster]\nN", "[Cluster]\nName=x"]) draft.write("cluster.conf", text);
    await clock.pass(CHECK_MS / 2);
    assert.equal(draft.state().found, null);
    await clock.pass(CHECK_MS / 2);
    assert.equal(service.calls.filter((call) => call === "Check").length, 2);
    assert.deepEqual(draft.state().found, [{ file: "cluster.conf", line: 6, text: "Id=1 is node2's", warning: false }]);
});

test("a refused edit is told, changes nothing, and the next one is made", async () => {
    const { draft, clock } = await opened();
    draft.edit(setting({ ...NODE2, name: "node9" }, "Votes", "0"));
    await clock.pass(0);
    assert.match(draft.state().problem?.sentence ?? "", /has no \[Node\] node9/);
    assert.deepEqual(changedFiles(draft.state()), []);
    draft.edit(setting(NODE2, "Votes", "0"));
    await clock.pass(0);
    assert.deepEqual([draft.state().problem, changedFiles(draft.state())], [null, ["cluster.conf"]]);
});

test("a draft outlives a reload of the page; a secret that was typed does not", async () => {
    const memory = new Memory();
    const first = await opened(memory);
    first.draft.keepSecret("bmc.secret", "s3cret", setting({ ...NODE2, section: "FenceDevice", name: "bmc-node1" }, "Timeout", "5s"));
    await first.clock.pass(0);
    assert.equal(first.draft.state().files["bmc.secret"], "s3cret\n");
    assert.ok(!JSON.stringify(memory.found).includes("s3cret"));
    const second = await opened(memory);
    assert.equal(second.draft.state().files["bmc.secret"], HIDDEN);
    assert.deepEqual(changedFiles(second.draft.state()), ["cluster.conf"]);
    second.draft.discard();
    await second.clock.pass(0);
    assert.deepEqual(memory.found, {});
});

test("a memory that cannot be read is none", async () => {
    const { draft } = await opened(new Memory({ draft: '{"files": 3' }));
    assert.deepEqual(changedFiles(draft.state()), []);
});

test("when somebody else pushed, the draft is kept, and theirs is taken over as far as it goes", async () => {
    const { draft, clock, service } = await opened();
    draft.write("units/webserv.target", "mine");
    draft.write("cluster.conf", "mine too");
    service.base = "base 5";
    service.files = { ...FILES, "cluster.conf": "theirs", "units/db.target": "new" };
    draft.look(5);
    await clock.pass(0);
    assert.deepEqual(draft.state().elsewhere?.both, ["cluster.conf"]);
    assert.equal(draft.state().files["units/webserv.target"], "mine");
    draft.takeOver();
    await clock.pass(0);
    const { base, files, elsewhere } = draft.state();
    assert.deepEqual([base, elsewhere], ["base 5", null]);
    assert.deepEqual(files, { ...FILES, "cluster.conf": "mine too", "units/webserv.target": "mine", "units/db.target": "new" });
});

test("without a draft of one's own, what somebody else pushed is simply there", async () => {
    const { draft, clock, service } = await opened();
    service.base = "base 5";
    service.files = { ...FILES, "cluster.conf": "[Cluster]\nName=theirs\n" };
    draft.look(5);
    await clock.pass(0);
    assert.deepEqual([draft.state().elsewhere, draft.state().base], [null, "base 5"]);
    assert.equal(draft.state().form?.cluster?.values.Name?.[0]?.value, "theirs");
});

test("one's own push is no news, and the next draft begins with it", async () => {
    const { draft, clock, service, memory } = await opened();
    draft.write("cluster.conf", "mine");
    await clock.pass(0);
    const pushed = draft.during(async () => {
        service.base = "base 5";
        service.files = draft.state().files;
        draft.look(5); // is signalled before the push ends
        return true;
    });
    await clock.pass(0);
    await pushed;
    await clock.pass(CHECK_MS);
    assert.deepEqual([draft.state().elsewhere, draft.state().base, changedFiles(draft.state())], [null, "base 5", []]);
    assert.deepEqual(memory.found, {});
});

test("a push that was refused leaves the draft as it is", async () => {
    const { draft, clock } = await opened();
    draft.write("cluster.conf", "mine");
    await draft.during(async () => false);
    await clock.pass(0);
    assert.deepEqual([draft.state().files["cluster.conf"], draft.state().elsewhere], ["mine", null]);
});

test("who may not change it sees it, is told why, and nothing is checked in his name", async () => {
    const service = new FakeConsole();
    service.refuse("Files", "an administrator's password is needed", "org.freedesktop.DBus.Error.AccessDenied");
    const { draft } = await opened(new Memory(), service);
    assert.equal(draft.state().mayNot?.sentence, "an administrator's password is needed");
    assert.equal(draft.state().form?.nodes.length, 2);
    assert.ok(!service.calls.includes("Check"));
});

test("an older node, and a connection that is lost in the middle, are told, and the draft is kept", async () => {
    const older = new FakeConsole();
    older.present = false;
    assert.equal((await opened(new Memory(), older)).draft.state().problem?.kind, "older");
    const { draft, clock, service } = await opened();
    draft.write("cluster.conf", "mine");
    await clock.pass(0);
    service.hangs = true;
    draft.edit(setting(NODE2, "Votes", "0"));
    await clock.pass(0);
    assert.deepEqual([draft.state().problem?.kind, draft.state().files["cluster.conf"]], ["cut", "mine"]);
    service.hangs = false;
    draft.again();
    await clock.pass(0);
    assert.deepEqual([draft.state().problem, draft.state().files["cluster.conf"]], [null, "mine"]);
});

test("what both removed, added alike or left is no conflict", () => {
    const original = { a: "1", b: "1", c: "1", d: "1" };
    const mine = { a: "2", c: "1", d: "1", e: "9" };
    const theirs = { a: "1", c: "3", e: "9" };
    assert.deepEqual(rebased(original, mine, theirs), { files: { a: "2", c: "3", e: "9" }, both: [] });
});

test("an item moves to where it is put, and an option keeps its place among the others", () => {
    assert.deepEqual(moved(["a", "b", "c"], 0, 2), ["b", "c", "a"]);
    assert.deepEqual(moved(["a", "b", "c"], 2, 0), ["c", "a", "b"]);
    assert.deepEqual(moved(["a"], 7, 0), ["a"]);
    const lines = ["ip=192.0.2.1", "ssl=1", "pad = x=y"].map((value, line) => ({ value, file: "cluster.conf", line }));
    assert.equal(withOption(lines, "ssl", "0"), "ip=192.0.2.1\nssl=0\npad = x=y");
    assert.equal(withOption(lines, "ip", ""), "ssl=1\npad = x=y");
    assert.equal(withOption(lines, "port", "443"), "ip=192.0.2.1\nssl=1\npad = x=y\nport=443");
    assert.equal(optionValue(lines, "pad"), "x=y");
});
