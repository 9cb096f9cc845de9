import assert from "node:assert/strict";
import { test } from "node:test";

import { AGAIN_MS, GRACE_MS } from "../src/cluster/daemon";
import { ROOT } from "../src/cluster/objects";
import { Store } from "../src/cluster/store";
import { viewOf } from "../src/cluster/view";
import { client, Clock, cluster } from "./fake";

const GROUPS = "org.standfast.Groups";
const WEB = `${ROOT}/group/webserv`;
const ATTENTION = "org.standfast.Groups1.Attention";

async function opened() {
    const daemons = cluster();
    const clock = new Clock();
    const store = new Store(client(daemons), clock.later, () => clock.now);
    await clock.pass(1000);
    return { daemons, clock, store, groups: daemons[GROUPS] };
}

test("everything is read once, and nothing again while nothing is signalled", async () => {
    const { daemons, clock, store } = await opened();
    const view = viewOf(store.snapshot());
    assert.deepEqual([view.cluster, view.here, view.quorate], ["webha", "node1", true]);
    assert.deepEqual(view.nodes.map((node) => [node.name, node.state, node.votes]), [
        ["node1", "online", 1],
        ["node2", "online", 1],
        ["node3", "online", 1],
    ]);
    assert.deepEqual(view.groups?.map((group) => [group.name, group.owner]), [["webserv", "node1"]]);
    assert.deepEqual(view.groups?.[0]?.resources.map((one) => one.unit.slice(0, 7)), ["standfa", "apache2"]);
    assert.deepEqual(store.snapshot().attention, []);
    const calls = Object.values(daemons).map((daemon) => daemon.calls.length);
    await clock.pass(3_600_000);
    assert.deepEqual(Object.values(daemons).map((daemon) => daemon.calls.length), calls);
});

test("a signal changes what is shown, and what needs a person is asked anew", async () => {
    const { clock, store, groups } = await opened();
    groups.methods[ATTENTION] = () => [[[true, "webserv does not run: nobody says why"]]];
    groups.change(WEB, "org.standfast.Group1", { Phase: "stopped", Owner: "" });
    await clock.pass(100);
    assert.equal(viewOf(store.snapshot()).groups?.[0]?.phase, "stopped");
    assert.deepEqual(store.snapshot().attention, [[true, "webserv does not run: nobody says why"]]);
    assert.deepEqual(groups.calls.filter((call) => call !== "Attention"), ["GetAll", "GetManagedObjects"]);
});

test("the first change is shown at once, those that follow together", async () => {
    const { clock, store, groups } = await opened();
    let shown = 0;
    store.subscribe(() => (shown += 1));
    for (const Phase of ["stopping", "stopped", "starting", "started"]) {
        groups.change(WEB, "org.standfast.Group1", { Phase });
        await clock.pass(10);
    }
    assert.deepEqual([shown, viewOf(store.snapshot()).groups?.[0]?.phase], [1, "stopping"]);
    await clock.pass(100);
    assert.deepEqual([shown, viewOf(store.snapshot()).groups?.[0]?.phase], [2, "started"]);
});

test("an object that comes and one that goes are noticed", async () => {
    const { clock, store, groups } = await opened();
    const other = { "org.standfast.Group1": { Name: { t: "s", v: "db" }, Phase: { t: "s", v: "stopped" } } };
    groups.signal(ROOT, "org.freedesktop.DBus.ObjectManager", "InterfacesAdded", [`${ROOT}/group/db`, other]);
    groups.signal(ROOT, "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", [WEB, ["org.standfast.Group1"]]);
    await clock.pass(100);
    assert.deepEqual(viewOf(store.snapshot()).groups?.map((group) => group.name), ["db"]);
});

test("a property that is made when it is read is read when it changes", async () => {
    const { clock, store, groups } = await opened();
    const path = `${WEB}/resource/apache2_2eservice`;
    const probe = ["", "http", "live", "bad", "status 503", 12, "2026-01-01T00:00:01Z"];
    groups.change(path, "org.standfast.Resource1", { Probes: [probe] }, ["Probes"]);
    await clock.pass(100);
    assert.equal(viewOf(store.snapshot()).groups?.[0]?.resources[1]?.probes[0]?.seen, "status 503");
});

test("a daemon that is restarted is never shown as away, and what changed meanwhile is read", async () => {
    const { clock, store, groups } = await opened();
    groups.stop();
    groups.change(WEB, "org.standfast.Group1", { Owner: "node2" });
    await clock.pass(GRACE_MS / 2);
    assert.equal(store.snapshot().daemons[GROUPS].presence, "running");
    groups.start();
    await clock.pass(100);
    assert.equal(viewOf(store.snapshot()).groups?.[0]?.owner, "node2");
    await clock.pass(GRACE_MS * 2);
    assert.equal(store.snapshot().daemons[GROUPS].presence, "running");
});

test("a daemon that stays away is told, and comes back by itself", async () => {
    const { clock, store, groups } = await opened();
    groups.stop();
    await clock.pass(GRACE_MS + 100);
    assert.deepEqual([store.snapshot().daemons[GROUPS].presence, viewOf(store.snapshot()).groups], ["away", null]);
    assert.equal(store.snapshot().attention, null);
    groups.start();
    await clock.pass(100);
    assert.deepEqual(store.snapshot().attention, []);
});

test("what is signalled while everything is read is not lost", async () => {
    const { clock, store, groups } = await opened();
    groups.start(); // everything is read anew
    groups.change(WEB, "org.standfast.Group1", { Phase: "stopping" });
    await clock.pass(100);
    assert.equal(viewOf(store.snapshot()).groups?.[0]?.phase, "stopping");
});

test("a daemon that does not answer is told, and asked again", async () => {
    const { clock, store, groups } = await opened();
    groups.hangs = true;
    groups.start();
    await clock.pass(100);
    assert.equal(store.snapshot().daemons[GROUPS].presence, "silent");
    groups.hangs = false;
    await clock.pass(AGAIN_MS + 100);
    assert.equal(store.snapshot().daemons[GROUPS].presence, "running");
});

test("when the way to the node is lost, what was known stays, and it is opened again", async () => {
    const { daemons, clock, store } = await opened();
    const heard = store.snapshot().heardAt;
    for (const daemon of Object.values(daemons)) for (const one of [...daemon.clients]) one.tell("close", { problem: "terminated" });
    await clock.pass(1000);
    const lost = store.snapshot();
    assert.deepEqual(new Set(Object.values(lost.daemons).map((one) => one.presence)), new Set(["cut"]));
    assert.deepEqual([viewOf(lost).groups?.length, lost.heardAt], [1, heard]);
    await clock.pass(AGAIN_MS);
    assert.equal(store.snapshot().daemons[GROUPS].presence, "running");
    assert.deepEqual(store.snapshot().attention, []);
});

test("a daemon that does not run when the page is opened is away, not out of reach, and is found when it comes", async () => {
    const { clock, store, groups } = await opened();
    groups.stop();
    for (const one of [...groups.clients]) one.tell("close", { problem: "not-found" });
    await clock.pass(100);
    assert.deepEqual([store.snapshot().daemons[GROUPS].presence, viewOf(store.snapshot()).groups], ["away", null]);
    groups.present = true;
    await clock.pass(AGAIN_MS);
    assert.equal(store.snapshot().daemons[GROUPS].presence, "running");
});

test("an older daemon is told from one that says that nobody is needed", async () => {
    const { clock, store, groups } = await opened();
    groups.methods = {};
    groups.start();
    await clock.pass(100);
    assert.equal(store.snapshot().attention, "older");
});

test("why something is as it is is asked of resourced, and a refusal is its sentence", async () => {
    const { store, groups } = await opened();
    groups.methods["org.standfast.Groups1.Explain"] = (name) => [JSON.stringify({ explanations: [{ name }] })];
    assert.deepEqual(await store.explain("webserv"), [{ name: "webserv" }]);
    groups.methods["org.standfast.Groups1.Explain"] = () => {
        throw { name: "org.standfast.Error.Refused", message: "there is no group or node web" };
    };
    await assert.rejects(store.explain("web"), { message: "there is no group or node web" });
});
