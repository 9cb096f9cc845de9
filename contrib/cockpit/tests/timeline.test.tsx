import assert from "node:assert/strict";
import { test } from "node:test";

import { CONSOLE, consoleOver, problemOf } from "../src/cluster/console";
import { ROOT } from "../src/cluster/objects";
import { Store } from "../src/cluster/store";
import { placeOf } from "../src/place";
import { barsOf, named, nodesOf } from "../src/understand/incident";
import { FEW, historyFrom, Incidents, LATER_MS, MOST, stateOf, TOGETHER_MS } from "../src/understand/incidents";
import { Shown } from "../src/understand/Timeline";
import { client, clientOf, Clock, cluster, FakeDaemon } from "./fake";
import { at, history, moved, powerCut } from "./incident";
import { markup, plain, said } from "./pages";

const TIMELINE = "org.standfast.Console1.Timeline";
const nothing = () => undefined;

function opened() {
    const service = new FakeDaemon(CONSOLE, {});
    const asked: unknown[][] = [];
    let told = history(moved(), powerCut());
    service.methods[TIMELINE] = (...values) => {
        asked.push(values);
        return [JSON.stringify(told)];
    };
    const clock = new Clock();
    const incidents = new Incidents(historyFrom(consoleOver(() => clientOf(service))), clock.later);
    return { service, asked, clock, incidents, tell: (now: typeof told) => void (told = now) };
}

const page = (incidents: Incidents, hash = "#/timeline") => (
    <Shown place={placeOf(hash)} told={incidents.state()} groups={["webserv", "db"]} again={nothing} more={nothing} />
);

test("the bars of an incident follow one another and add up to the outage", () => {
    const incident = powerCut();
    const bars = barsOf(incident);
    assert.deepEqual(bars.map(({ step, startMs }) => [step.step, startMs, step.ms]), [
        ["detected", 0, 2100],
        ["decided", 2100, 21],
        ["fenced", 2121, 1200],
        ["started", 3321, 700],
        ["good", 4021, 300],
    ]);
    const last = bars.at(-1)!;
    assert.equal(last.startMs + last.step.ms, incident.ms);
    assert.deepEqual(bars.filter((bar) => bar.slowest).map((bar) => bar.step.step), ["detected"]);
});

test("an incident keeps its name while more becomes known, also as a part of another one", () => {
    const all = [moved(), powerCut()];
    assert.equal(named(all, "")?.losses[0], "8.1");
    assert.equal(named(all, at("01:00.000")), all[0]);
    const longer = { ...powerCut(), entries: [...moved().entries, ...powerCut().entries] };
    assert.equal(named([longer], at("03:02.100")), longer);
    assert.equal(named(all, at("59:00.000")), undefined);
    assert.deepEqual(nodesOf(all[1]!), ["node1", "node2", "node3"]);
});

test("the waterfall is a table with milliseconds, their sum and the slowest step", async () => {
    const { incidents, clock } = opened();
    incidents.look("", "as it was");
    await clock.pass(0);
    const text = said(page(incidents));
    for (const part of [
        "4,321 ms from the cause to “good”. The slowest step: detect.",
        "node1 was heard for the last time detect node2 2,100 ms slowest node1 is missing decide node2 21 ms node1 is lost: 8.1",
        "fence node1 1,200 ms node1 is off, proven by bmc-node1",
        "start node3 700 ms webserv is active good node3 300 ms webserv serves In all 4,321 ms",
        "What the journals say (4)",
        "+2,221 ms node3 webserv serves",
    ])
        assert.ok(text.includes(part), `${part}\n${text}`);
});

test("incidents are listed, the last one first, and the one in the address is shown", async () => {
    const { incidents, clock } = opened();
    incidents.look("", "as it was");
    await clock.pass(0);
    const html = markup(page(incidents, `#/timeline?incident=${encodeURIComponent(at("01:00.000"))}`));
    const list = html.slice(html.indexOf("<nav"), html.indexOf("</nav"));
    assert.ok(list.indexOf("webserv db") > list.indexOf("node1 was heard"), list);
    assert.match(list, /aria-current="true"[^>]*>(?:(?!<\/a>).)*webserv db/);
    assert.ok(plain(html).includes("The journals do not say how long it took."));
    assert.match(said(page(incidents, "#/timeline?incident=2020-01-01T00:00:00.000Z")), /no such incident any more/);
});

test("entries of one node are those that it wrote and those about it", async () => {
    const { incidents, clock } = opened();
    incidents.look("", "as it was");
    await clock.pass(0);
    const text = said(page(incidents, "#/timeline?node=node3"));
    assert.ok(text.includes("What the journals say (2)"), text);
    assert.ok(text.includes("node1 is missing here too") && !text.includes("an operator wants"), text);
});

test("when a group changes its phase the incidents are read again, and never without a signal", async () => {
    const { incidents, clock, asked, tell } = opened();
    const daemons = cluster();
    const store = new Store(client(daemons), clock.later, () => clock.now);
    await clock.pass(1000);
    tell(history(moved()));
    incidents.look("", stateOf(store.snapshot()));
    await clock.pass(3_600_000);
    assert.equal(asked.length, 1);
    tell(history(moved(), powerCut()));
    daemons["org.standfast.Groups"].change(`${ROOT}/group/webserv`, "org.standfast.Group1", { Phase: "stopping" });
    await clock.pass(100);
    incidents.look("", stateOf(store.snapshot()));
    await clock.pass(TOGETHER_MS);
    assert.ok(said(page(incidents)).includes("The slowest step: detect."));
    await clock.pass(LATER_MS);
    assert.equal(asked.length, 3); // at once, and for what was written late
    await clock.pass(3_600_000);
    assert.equal(asked.length, 3);
});

test("another group is read anew, and an answer that comes too late counts for nothing", async () => {
    const { incidents, clock, asked } = opened();
    incidents.look("webserv", "1");
    incidents.look("db", "1");
    await clock.pass(0);
    assert.deepEqual(asked, [["webserv", FEW, ""], ["db", FEW, ""]]);
    assert.equal(incidents.state().group, "db");
    incidents.readMore();
    for (let more = 0; more < 9; more += 1) incidents.readMore();
    await clock.pass(0);
    assert.equal(asked.at(-1)?.[1], MOST);
});

test("one reading goes on at a time, and what changed meanwhile is read after it", async () => {
    const { incidents, clock, service, asked } = opened();
    const waiting: (() => void)[] = [];
    const answer = service.methods[TIMELINE]!;
    service.methods[TIMELINE] = (...values) => new Promise((done) => waiting.push(() => done(answer(...values)))) as never;
    incidents.look("", "1");
    await clock.pass(0);
    for (const state of ["2", "3", "4"]) {
        incidents.look("", state);
        await clock.pass(LATER_MS);
    }
    assert.equal(waiting.length, 1);
    waiting[0]!();
    await clock.pass(0);
    assert.equal(incidents.state().history?.incidents.length, 2); // what was known then is shown already
    assert.equal(waiting.length, 2);
    waiting[1]!();
    await clock.pass(LATER_MS);
    assert.deepEqual([asked.length, incidents.state().reading], [2, false]);
});

test("a journal that was not read is named, with the reason", async () => {
    const { incidents, clock, tell } = opened();
    const told = history(powerCut());
    tell({ ...told, nodes: [...told.nodes.slice(1), { name: "node1", answered: false, text: "no route to host" }] });
    incidents.look("", "1");
    await clock.pass(0);
    assert.ok(said(page(incidents)).includes("The journal of node1 was not read: no route to host"));
});

test("an older node, a lost connection and a refusal each say what is the matter", async () => {
    const { incidents, clock, service } = opened();
    service.methods = {};
    incidents.look("", "1");
    await clock.pass(0);
    assert.match(said(page(incidents)), /could not be read .*is older than this page/);
    service.hangs = true;
    incidents.readNow();
    await clock.pass(0);
    assert.match(said(page(incidents)), /There is no way to the node just now/);
    service.hangs = false;
    service.methods[TIMELINE] = () => {
        throw { name: "org.standfast.Error.Refused", message: "only root may read this node's journal" };
    };
    incidents.readNow();
    await clock.pass(0);
    assert.match(said(page(incidents)), /only root may read this node's journal/);
});

test("what was read stays while the connection is lost, and it is read again over a new one", async () => {
    const { incidents, clock, service } = opened();
    incidents.look("", "1");
    await clock.pass(0);
    service.hangs = true;
    incidents.look("", "2");
    await clock.pass(TOGETHER_MS);
    const text = said(page(incidents));
    assert.ok(text.includes("There is no way to the node") && text.includes("In all 4,321 ms"), text);
    service.clients[0]!.tell("close", { problem: "terminated" });
    service.hangs = false;
    await clock.pass(LATER_MS);
    assert.deepEqual([service.clients.length, incidents.state().problem], [2, null]);
});

test("nothing that happened is said as such", async () => {
    const { incidents, clock, tell } = opened();
    tell(history());
    incidents.look("", "1");
    assert.ok(said(page(incidents)).includes("Reading the journals"));
    await clock.pass(0);
    assert.ok(said(page(incidents)).includes("Nothing happened that the journal of this node knows of"));
});

test("it speaks Chinese", async () => {
    const { incidents, clock } = opened();
    incidents.look("", "1");
    await clock.pass(0);
    const text = said(page(incidents), "zh-cn");
    for (const part of ["从起因到“良好”共 4,321 毫秒。", "最慢的步骤：发现。", "隔离 node1"]) assert.ok(text.includes(part), `${part}\n${text}`);
});

test("what a call ended with is an older node, a lost connection or a sentence", () => {
    const kinds = [{ name: "org.freedesktop.DBus.Error.ServiceUnknown" }, { problem: "not-found" }, { problem: "terminated" }, { message: "no" }];
    assert.deepEqual(kinds.map((error) => problemOf(error).kind), ["older", "older", "cut", "refused"]);
    assert.equal(problemOf({ problem: "access-denied" }).sentence, "access-denied");
});
