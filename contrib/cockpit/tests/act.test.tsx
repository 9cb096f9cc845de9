import assert from "node:assert/strict";
import { test } from "node:test";

import { Acts } from "./acts";
import type { Deed, Verb } from "../src/act/deeds";
import type { Flow } from "../src/act/flow";
import { AGAIN_MS } from "../src/cluster/daemon";
import { ROOT } from "../src/cluster/objects";
import type { Store } from "../src/cluster/store";
import { begun, Content, deed, DENIED, Go, GROUPS, REFUSED, refusing } from "./act";
import { ELSEWHERE, foreseen, GROUP, MOVE, WEB } from "./foreseen";
import { markup, said } from "./pages";

interface Begun {
    flow: Flow;
    store: Store;
}

const shown = ({ flow, store }: Begun, language = "en") =>
    said(<Content flow={flow} scene={flow.scene} snapshot={store.snapshot()} />, language);
const button = ({ flow }: Begun) => markup(<Go flow={flow} scene={flow.scene} />);
const done = () => [];

test("what it would do is shown before anything is asked for, and then how it goes on until it is done", async () => {
    const made = await begun(deed("relocate"), { "Group1.Relocate": done });
    assert.deepEqual(made.asked, [["Groups1.SimulateWish", "relocate", "webserv", ""]]);
    const before = shown(made);
    for (const part of ["webserv moves from node1 to node2: not served for about 2.3 s.", "stopped in 300 ms", "The best one (node2)"])
        assert.ok(before.includes(part), `${part}\n${before}`);
    assert.match(button(made), /Relocate/);
    assert.doesNotMatch(button(made), /disabled/);

    await made.flow.carryOut();
    assert.deepEqual(made.asked.at(-1), ["Group1.Relocate", ""]);
    assert.equal(made.flow.scene.stage, "under-way");
    made.groups.change(WEB, GROUP, { Phase: "stopping", Since: "2026-01-01T00:06:00Z", Reason: "relocated by an operator" });
    await made.clock.pass(100);
    assert.match(shown(made), /webserv stopping node1 relocated by an operator/);
    made.groups.change(WEB, GROUP, { Phase: "started", Owner: "node2", Since: "2026-01-01T00:06:02Z" });
    await made.clock.pass(2000);
    assert.equal(made.flow.scene.stage, "done");
    assert.match(shown(made), /Done.*webserv started node2/);
    assert.equal(button(made), "");
});

test("a node that is chosen is what is asked and what is called", async () => {
    const made = await begun(deed("relocate"), { "Group1.Relocate": done });
    made.flow.choose({ node: "node3" });
    assert.match(button(made), /disabled/, "what is shown is not what is chosen any more");
    await made.clock.pass(100);
    assert.doesNotMatch(button(made), /disabled/);
    await made.flow.carryOut();
    assert.deepEqual(made.asked.slice(1), [["Groups1.SimulateWish", "relocate", "webserv", "node3"], ["Group1.Relocate", "node3"]]);
});

test("what the core would refuse is said with its sentence, cannot be asked for, and is asked anew when something changes", async () => {
    let refusal = "webserv is frozen; thaw it first: standfast group thaw webserv";
    const made = await begun(deed("relocate"), {
        "Groups1.SimulateWish": () => (refusal ? refusing(REFUSED, refusal)() : [foreseen()]),
    });
    assert.equal(made.flow.scene.stage, "refused");
    assert.match(shown(made), /This cannot be done now webserv is frozen; thaw it first: standfast group thaw webserv/);
    assert.match(button(made), /disabled/);
    refusal = "";
    made.groups.change(WEB, GROUP, { Flags: [] , Owner: "node3" });
    await made.clock.pass(200);
    assert.equal(made.flow.scene.stage, "foreseen");
});

test("who has no right sees what would happen, cannot ask for it, and is told why and what helps", async () => {
    const sentence = "It needs the polkit action org.standfast.operate, which is not given to you: try again as root.";
    const made = await begun(deed("stop"), { "Groups1.MissingRights": () => [{ "org.standfast.operate": sentence, "org.standfast.fence": "" }] });
    const text = shown(made);
    assert.ok(text.includes("You may not do this") && text.includes(sentence), text);
    assert.match(text, /turn on administrative access/);
    assert.match(text, /webserv moves from node1 to node2/);
    assert.match(button(made), /disabled/);
});

test("a right that is missing for something else does not matter", async () => {
    const made = await begun(deed("stop"), { "Groups1.MissingRights": () => [{ "org.standfast.fence": "no", "org.standfast.operate": "" }] });
    assert.ok(!shown(made).includes("You may not"));
    assert.doesNotMatch(button(made), /disabled/);
});

test("a call that polkit refuses after all is a sentence, and nothing more is offered", async () => {
    const made = await begun(deed("stop"), { "Group1.Stop": refusing(DENIED, "Group1.Stop needs the polkit action org.standfast.operate.") });
    await made.flow.carryOut();
    assert.match(shown(made), /It was not done Group1.Stop needs the polkit action org.standfast.operate. Everybody sees everything here/);
    assert.equal(button(made), "");
});

test("a call that the core refuses after all is a sentence, and can be tried again", async () => {
    const made = await begun(deed("stop"), { "Group1.Stop": refusing(REFUSED, "the cluster is in maintenance") });
    await made.flow.carryOut();
    assert.equal(made.flow.scene.stage, "failed");
    assert.match(shown(made), /It was not done the cluster is in maintenance/);
    made.groups.methods["org.standfast.Group1.Stop"] = done;
    assert.match(button(made), /Stop/);
    await made.flow.carryOut();
    assert.equal(made.flow.scene.stage, "under-way");
});

test("a group that comes to rest elsewhere is said to have gone otherwise, with what to do next", async () => {
    const made = await begun(deed("relocate"), { "Group1.Relocate": done });
    await made.flow.carryOut();
    const Reason = "it failed on node2: apache2.service: exit code 1";
    made.groups.change(WEB, GROUP, { Phase: "stopped", Owner: "", Since: "2026-01-01T00:06:00Z" });
    await made.clock.pass(100);
    assert.equal(made.flow.scene.stage, "under-way");
    made.groups.change(WEB, GROUP, { Phase: "started", Owner: "node3", Since: "2026-01-01T00:06:09Z", Reason });
    await made.clock.pass(100);
    assert.equal(made.flow.scene.stage, "otherwise");
    assert.match(shown(made), /It went otherwise than foreseen.*webserv started node3 it failed on node2: apache2.service: exit code 1/);
});

test("the connection is lost while it is asked for: nobody knows whether it was heard, and it is followed when it is back", async () => {
    const made = await begun(deed("relocate"), {
        "Group1.Relocate": () => {
            throw { problem: "terminated", message: "Your session has been terminated." };
        },
    });
    await made.flow.carryOut();
    assert.match(shown(made), /Nobody knows yet whether it was heard/);
    for (const one of [...made.groups.clients]) one.tell("close", { problem: "terminated" });
    await made.clock.pass(100);
    assert.match(shown(made), /This page has lost its way to the node/);
    assert.equal(made.flow.scene.stage, "under-way");
    made.groups.change(WEB, GROUP, { Owner: "node2" });
    await made.clock.pass(AGAIN_MS + 1000);
    assert.equal(made.flow.scene.stage, "done");
});

test("resourced is restarted in the middle: nothing is taken for the end, and it is followed on", async () => {
    const made = await begun(deed("relocate"), { "Group1.Relocate": done });
    await made.flow.carryOut();
    made.groups.stop();
    await made.clock.pass(3000);
    assert.equal(made.flow.scene.stage, "under-way");
    made.groups.start();
    await made.clock.pass(200);
    assert.equal(made.flow.scene.stage, "under-way");
    made.groups.change(WEB, GROUP, { Owner: "node2", Since: "2026-01-01T00:07:00Z" });
    await made.clock.pass(200);
    assert.equal(made.flow.scene.stage, "done");
});

test("the node that it moves to vanishes: it is shown as lost where the node is, and the group is followed to where it ends", async () => {
    const standby = deed("standby", { subject: "node1", of: "node", path: ROOT });
    const made = await begun(standby, { "Groups1.SetStandby": done });
    await made.flow.carryOut();
    assert.deepEqual(made.asked.at(-1), ["Groups1.SetStandby", "node1", true]);
    made.groups.change(`${ROOT}/node/node2`, "org.standfast.Member1", { State: "lost" });
    made.groups.change(WEB, GROUP, { Phase: "stopped", Owner: "", Since: "x", Reason: "node2 is lost: its proof is awaited" });
    await made.clock.pass(100);
    assert.match(shown(made), /node1 online.*webserv stopped node2 is lost: its proof is awaited/);
    made.groups.change(WEB, GROUP, { Phase: "started", Owner: "node3", Since: "y", Reason: "" });
    await made.clock.pass(100);
    assert.equal(made.flow.scene.stage, "otherwise");
});

test("fencing is followed by its attempts, and done when the node is off and its group runs", async () => {
    const off = [{ path: `${ROOT}/node/node1`, interface: "org.standfast.Member1", property: "State", test: "is", value: "fenced" }];
    const ways = JSON.parse(foreseen()) as { done: unknown[][] };
    const made = await begun(deed("fence", { subject: "node1", of: "node", path: ROOT }), {
        "Groups1.SimulateWish": () => [foreseen({ done: [[...off, ...(ways.done[0] ?? [])]], otherwise: ELSEWHERE })],
        "Groups1.FenceNow": done,
    });
    assert.match(shown(made), /node1 loses its power at once\. What its programs have not written to disk is lost/);
    assert.match(button(made), /pf-m-danger/);
    await made.flow.carryOut();
    assert.deepEqual(made.asked.at(-1), ["Groups1.FenceNow", "node1"]);
    const attempt = ["8.1", "node1", "", "off", "running", "bmc-node1", "bmc-node1 switches node1 off"];
    made.daemons["org.standfast.Fencing"].change(ROOT, "org.standfast.Fencing1", { Attempts: [attempt] });
    made.groups.change(ROOT, "org.standfast.Groups1", { Losses: [["8.1", "node1", 0, 0, "it waits for the proof that it is off"]] });
    made.groups.change(`${ROOT}/node/node1`, "org.standfast.Member1", { State: "fencing" });
    await made.clock.pass(100);
    assert.match(shown(made), /node1 fencing it waits for the proof that it is off.*Fencing bmc-node1 switches node1 off/);
    made.groups.change(`${ROOT}/node/node1`, "org.standfast.Member1", { State: "fenced" });
    await made.clock.pass(100);
    assert.equal(made.flow.scene.stage, "under-way");
    made.groups.change(WEB, GROUP, { Owner: "node2", Since: "z" });
    await made.clock.pass(100);
    assert.equal(made.flow.scene.stage, "done");
});

test("a confirmation needs somebody's word, has the loss that it is for, and names the objections that do not count", async () => {
    const against = "node3 may not be off: its address 192.0.2.13 answers";
    let refused = true;
    const made = await begun(deed("confirm", { subject: "node3", of: "node", path: ROOT }), {
        "Groups1.SimulateWish": () => [foreseen({ wish: { kind: "confirm", subject: "node3", node: null, loss: "8.1" } })],
        "Groups1.Confirm": () => (refused ? refusing(REFUSED, against)() : []),
    });
    assert.match(shown(made), /If it runs all the same, its groups run twice and their data is lost/);
    assert.match(button(made), /disabled/);
    made.flow.choose({ vouched: true });
    assert.doesNotMatch(button(made), /disabled/);
    await made.flow.carryOut();
    assert.match(shown(made), /It was not done node3 may not be off: its address 192.0.2.13 answers.*one of its addresses answers/);
    refused = false;
    made.flow.choose({ although: ["address"] });
    await made.flow.carryOut();
    assert.deepEqual(made.asked.slice(-2), [["Groups1.Confirm", "node3", "8.1", []], ["Groups1.Confirm", "node3", "8.1", ["address"]]]);
    assert.equal(made.flow.scene.stage, "under-way");
});

const NO_DRILL = ["", "", "", [], "", "", "", "", 0];
const CLUSTER = { path: ROOT, interface: "org.standfast.Groups1" };
const OVER = [{ ...CLUSTER, property: "LastDrill", test: "changed", value: "" }, { ...CLUSTER, property: "Drill", test: "is", value: NO_DRILL }];
const RECOVERED = { path: WEB, interface: GROUP, property: "Drilled", test: "lacks", value: 0 };
const DRILL = {
    ...{ kind: "kill", at_node: "node1", struck: ["webserv"], unit: "apache2.service", fault: "apache2.service is killed on node1" },
    ...{ refused: "", limit_ms: 9000, steps: [], groups: [] },
    expected: [{ group: "webserv", target: "node1", steps: { detected: 0, started: 1500 }, total_ms: 1500 }],
    effects: [{ ...MOVE, kind: "restart", target: "node1", reason: "", interruption_ms: 1500, measured: "" }],
    done: [[...OVER, RECOVERED]],
    otherwise: [OVER],
};
const conducted = (id: string) => ({ Drill: [id, "kill", "node1", ["webserv"], "", "node1", "", "", 0] });

for (const [ms, end] of [[1400, "done"], [0, "otherwise"]] as const)
    test(`a fire drill whose group ${ms ? "ran again" : "did not run again"} in time is ${end}`, async () => {
        const made = await begun(deed("drill"), {
            "Groups1.ForeseeDrill": () => [JSON.stringify(DRILL)],
            "Groups1.Drill": () => ["d1"],
        });
        assert.match(shown(made), /The fault: apache2.service is killed on node1\. webserv is restarted on node1: not served for about 1.5 s/);
        await made.flow.carryOut();
        assert.deepEqual(made.asked, [["Groups1.ForeseeDrill", "kill", "webserv", false], ["Groups1.Drill", "kill", "webserv", false]]);
        made.groups.change(ROOT, "org.standfast.Groups1", conducted("d1"));
        await made.clock.pass(100);
        assert.equal(made.flow.scene.stage, "under-way");
        made.groups.change(WEB, GROUP, { Drilled: ["kill", "2026-01-01T00:04:00Z", ms] });
        made.groups.change(ROOT, "org.standfast.Groups1", { Drill: NO_DRILL, LastDrill: "d1" });
        await made.clock.pass(100);
        assert.equal(made.flow.scene.stage, end);
        assert.match(shown(made), ms ? /recovery proven 60 seconds ago: kill, 1.4 s/ : /fire drill failed 60 seconds ago: kill/);
    });

test("a fire drill whose fault never came is otherwise, although nothing happened to its group", async () => {
    const made = await begun(deed("drill"), { "Groups1.ForeseeDrill": () => [JSON.stringify(DRILL)], "Groups1.Drill": () => ["d1"] });
    await made.flow.carryOut();
    made.groups.change(ROOT, "org.standfast.Groups1", conducted("d1"));
    await made.clock.pass(100);
    made.groups.change(ROOT, "org.standfast.Groups1", { Drill: NO_DRILL, LastDrill: "d1" });
    await made.clock.pass(100);
    assert.equal(made.flow.scene.stage, "otherwise");
});

test("a drill that may not begin is refused with its sentence before it is asked for", async () => {
    const refused = "the last drill was 3 s ago: wait, or: standfast drill kill webserv --again";
    const made = await begun(deed("drill"), { "Groups1.ForeseeDrill": (_, __, again) => [JSON.stringify({ ...DRILL, refused: again ? "" : refused })] });
    assert.match(shown(made), /This cannot be done now the last drill was 3 s ago/);
    made.flow.choose({ again: true });
    await made.clock.pass(100);
    assert.equal(made.flow.scene.stage, "foreseen");
});

test("an older daemon does not say what would happen, and the action is done when it is stored", async () => {
    const made = await begun(deed("stop"), { "Group1.Stop": done });
    for (const name of ["SimulateWish", "MissingRights"]) delete made.groups.methods[`org.standfast.Groups1.${name}`];
    made.groups.change(WEB, GROUP, { Owner: "node3" });
    await made.clock.pass(200);
    assert.match(shown(made), /is older than this page and does not say what would happen/);
    await made.flow.carryOut();
    assert.match(shown(made), /It is stored\. What comes of it stands on the page behind this\./);
});

test("without resourced it says so, and asks again when it is back", async () => {
    const made = await begun(deed("stop"));
    made.groups.stop();
    await made.clock.pass(3000);
    assert.match(shown(made), /standfast-resourced does not run on this node just now/);
    made.groups.start();
    await made.clock.pass(300);
    assert.equal(made.flow.scene.stage, "foreseen");
});

const node = (verb: Verb): Deed => deed(verb, { subject: "node2", of: "node", path: ROOT });
const whole = (verb: Verb): Deed => deed(verb, { subject: "", of: "cluster", path: ROOT });
const ALL = deed("stop", { subject: "web", of: "copies", path: `${ROOT}/group/web` });
for (const [what, method, ...values] of [
    [deed("start"), "Group1.Start", ""],
    [deed("stop"), "Group1.Stop"],
    [deed("restart"), "Group1.Restart"],
    [deed("enable"), "Group1.Enable"],
    [deed("disable"), "Group1.Disable"],
    [deed("freeze"), "Group1.Freeze"],
    [deed("thaw"), "Group1.Thaw"],
    [ALL, "Copies1.Stop"],
    [node("resume"), "Groups1.SetStandby", "node2", false],
    [whole("maintenance"), "Groups1.SetMaintenance", true],
    [whole("normal"), "Groups1.SetMaintenance", false],
    [whole("keep"), "Groups1.KeepConfiguration"],
] as const)
    test(`${what.verb} of ${what.of}: supposed, asked for and done`, async () => {
        const untouched = { ...MOVE, kind: "untouched", target: "node1" };
        const met = [{ path: WEB, interface: GROUP, property: "Owner", test: "is", value: "node1" }];
        const made = await begun(what, {
            "Groups1.SimulateWish": () => [foreseen({ effects: [untouched], done: [met], otherwise: [] })],
            [method]: done,
        });
        assert.match(shown(made), /No group would be touched\./);
        await made.flow.carryOut();
        assert.deepEqual(made.asked, [["Groups1.SimulateWish", what.verb, what.subject, ""], [method, ...values]]);
        assert.equal(made.flow.scene.stage, "done");
        made.flow.close();
    });

test("each group and node has its most wanted action in sight, and the rest under a button with its name", async () => {
    const buttons = await Acts();
    for (const label of ["Relocate: webserv", "More that can be done with webserv", "Standby: node2", "More that can be done with webha"])
        assert.ok(buttons.includes(`aria-label="${label}"`), `${label}\n${buttons.join("\n")}`);
    assert.ok(!buttons.some((one) => /Keep it/.test(one)));
});

test("what is most wanted follows from how it is", async () => {
    const buttons = await Acts(({ daemons }) => {
        const groups = daemons[GROUPS];
        groups.change(WEB, GROUP, { Phase: "stopped", Flags: ["stopped"], Owner: "" });
        groups.change(`${ROOT}/node/node2`, "org.standfast.Member1", { Standby: true });
        groups.change(ROOT, "org.standfast.Groups1", {
            Maintenance: true, Unconfirmed: ["c0ffee", 42_000], Losses: [["8.1", "node3", 1, 5, "it waits"]],
        });
    });
    for (const label of ["Start: webserv", "Resume: node2", "Confirm it is off: node3", "End maintenance: webha", "Keep it: webha",
        "Take it back: webha"])
        assert.ok(buttons.includes(`aria-label="${label}"`), `${label}\n${buttons.join("\n")}`);
});

test("the dialog speaks Chinese", async () => {
    const text = shown(await begun(deed("relocate")), "zh-CN");
    for (const part of ["webserv 在原处停止", "webserv 从 node1 移到 node2：大约 2.3 秒不提供服务。"]) assert.ok(text.includes(part), text);
});
