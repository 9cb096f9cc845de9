import assert from "node:assert/strict";
import { test } from "node:test";

import { keeping } from "../src/configure/keeping";
import { Pushing } from "../src/configure/pushing";
import { withinSeconds } from "../src/configure/PushPart";
import { serviceOver } from "../src/configure/service";
import { Versions } from "../src/configure/versions";
import { DIFFERENCE, FakeConsole, FILES } from "./console";
import { clientOf, Clock, FakeDaemon } from "./fake";

async function settled(): Promise<void> {
    await new Clock().pass(0);
}

test("a plan is that of the files that were planned", async () => {
    const service = new FakeConsole();
    const pushing = new Pushing(service.console);
    await pushing.plan(FILES);
    const { plan, running } = pushing.state();
    assert.deepEqual([plan?.files, running, plan?.plan.groups[0]?.kind], [FILES, null, "move"]);
});

test("a plan that only has mistakes has nothing else, and is no failure", async () => {
    const service = new FakeConsole();
    const found = { file: "cluster.conf", line: 3, text: "wrong", warning: false };
    service.methods["org.standfast.Console1.Plan"] = () => [JSON.stringify({ problems: [found] })];
    const pushing = new Pushing(service.console);
    await pushing.plan(FILES);
    assert.deepEqual([pushing.state().plan?.plan.problems, pushing.state().plan?.plan.groups], [[found], []]);
});

test("how a push goes is told by the signals of that call alone, until it is in force", async () => {
    const service = new FakeConsole();
    const pushing = new Pushing(service.console);
    let finish: (version: unknown[]) => void = () => {};
    service.methods["org.standfast.Console1.Push"] = () => new Promise((done) => (finish = done)) as never;
    const pushed = pushing.push("base 4", FILES, ["node3"], "another page", 300);
    await settled();
    service.progress("AddNode", "somebody else's");
    service.progress("Push", "node2 prepares it");
    assert.deepEqual([pushing.state().running, pushing.state().sentence], ["Push", "node2 prepares it"]);
    assert.equal(await pushing.push("base 4", FILES, [], "", 0), false); // one at a time
    finish([5]);
    assert.equal(await pushed, true);
    assert.deepEqual([pushing.state().done, pushing.state().running], [{ call: "Push", version: 5 }, null]);
});

test("a refused push is told, and so is a connection that is lost while it goes on", async () => {
    const service = new FakeConsole();
    const pushing = new Pushing(service.console);
    service.refuse("Push", "somebody changed /etc/standfast meanwhile");
    assert.equal(await pushing.push("base 4", FILES, [], "", 0), false);
    assert.deepEqual(pushing.state().failed, { call: "Push", problem: { kind: "refused", sentence: "somebody changed /etc/standfast meanwhile" } });
    service.methods["org.standfast.Console1.Push"] = () => {
        throw { problem: "terminated" };
    };
    await pushing.push("base 4", FILES, [], "", 0);
    assert.equal(pushing.state().failed?.problem.kind, "cut");
});

test("what a way back would do is planned with the files of that version", async () => {
    const service = new FakeConsole();
    const old = { "cluster.conf": "as it was" };
    const planned: unknown[] = [];
    service.methods["org.standfast.Console1.Version"] = (number) => (planned.push(number), [old]);
    const pushing = new Pushing(service.console);
    await pushing.planBack(3);
    assert.deepEqual([planned, pushing.state().plan?.files], [[3], old]);
    service.refuse("Version", "that version is not stored here any more");
    await pushing.planBack(2);
    assert.deepEqual([pushing.state().plan, pushing.state().failed?.call], [null, "Plan"]);
});

test("a version is kept, or taken back, with the rights of who is logged in, over a connection of its own", async () => {
    const groups = new FakeDaemon("org.standfast.Groups", {});
    const opened: string[] = [];
    const { keep, takeBack } = keeping((name) => (opened.push(name), clientOf(groups)));
    groups.methods["org.standfast.Groups1.KeepConfiguration"] = () => [];
    await keep();
    assert.deepEqual([opened, groups.calls], [["org.standfast.Groups"], ["KeepConfiguration"]]);
    groups.methods["org.standfast.Groups1.TakeBackConfiguration"] = () => [];
    await takeBack();
    assert.equal(groups.calls.at(-1), "TakeBackConfiguration");
    groups.methods["org.standfast.Groups1.KeepConfiguration"] = () => {
        throw { name: "org.standfast.Error.Refused", message: "no version waits for that" };
    };
    await assert.rejects(keep(), { message: "no version waits for that" });
});

test("a machine is taken in with all that was written about it", async () => {
    const service = new FakeConsole();
    const asked: unknown[][] = [];
    service.methods["org.standfast.Console1.AddNode"] = (...values) => (asked.push(values), [6]);
    const pushing = new Pushing(service.console);
    await pushing.addNode({ name: "node4", addresses: ["192.0.2.14"], host: "", fence: ["pdu:4"], unsafe: false });
    assert.deepEqual([asked, pushing.state().done?.version], [[["node4", ["192.0.2.14"], "", ["pdu:4"], false]], 6]);
});

test("versions come with what differs between the last two, and are read again when another is in force", async () => {
    const service = new FakeConsole();
    const versions = new Versions(service.console);
    versions.look(4);
    versions.look(4);
    await settled();
    const { from, to, difference } = versions.state();
    assert.deepEqual([from, to, difference], [3, 4, DIFFERENCE]);
    assert.deepEqual(service.calls, ["Versions", "Difference"]);
    service.refuse("Difference", "version 3 is not stored here any more");
    versions.compare(3, 0);
    await settled();
    assert.equal(versions.state().problem?.sentence, "version 3 is not stored here any more");
    versions.look(5);
    await settled();
    assert.deepEqual(service.calls.filter((call) => call === "Versions").length, 2);
});

test("what is tried answers with what it saw, or with the sentence why it was not made", async () => {
    const fake = new FakeConsole();
    const service = serviceOver(fake.console);
    assert.deepEqual(await service.testDevice(FILES, "bmc-node1"), { answered: true, said: "node1 is on" });
    const [tried] = (await service.tryProbe(FILES, "apache2.service", "", "")) as readonly { outcome: string }[];
    assert.equal(tried?.outcome, "good");
    fake.refuse("TryProbe", "node2 knows only the version in force");
    assert.equal(await service.tryProbe(FILES, "apache2.service", "", "node2"), "node2 knows only the version in force");
    fake.refuse("TestDevice", "there is no such device");
    assert.deepEqual(await service.testDevice(FILES, "x"), { answered: false, said: "there is no such device" });
});

test("a version is to be kept within minutes that are some, or not at all", () => {
    const made = [["5", true], ["0.5", true], ["0.1", true], ["", true], ["x", true], ["1441", true], ["x", false]] as const;
    assert.deepEqual(made.map(([minutes, on]) => withinSeconds(on, minutes)), [300, 30, null, null, null, null, 0]);
});
