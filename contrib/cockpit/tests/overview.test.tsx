import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReactNode } from "react";
import { renderToStaticMarkup } from "react-dom/server";

import { GRACE_MS } from "../src/cluster/daemon";
import type { Explanation } from "../src/cluster/explanation";
import { ROOT } from "../src/cluster/objects";
import { Store } from "../src/cluster/store";
import { Overview } from "../src/overview/Overview";
import { Explained, NotTold } from "../src/overview/Why";
import { Sentence } from "../src/overview/Sentence";
import { NowContext, TextContext, textIn } from "../src/text";
import { client, Clock, cluster, type FakeDaemon } from "./fake";

type Daemons = ReturnType<typeof cluster>;
const NOW = Date.parse("2026-01-01T00:05:00Z");

class Memory implements Pick<Storage, "getItem" | "setItem"> {
    constructor(private readonly found: Record<string, string> = {}) {}
    getItem = (key: string) => this.found[key] ?? null;
    setItem = (key: string, value: string) => void (this.found[key] = value);
}

/** What the page says, as text. */
async function shown(change: (daemons: Daemons, clock: Clock) => unknown, options: { language?: string; memory?: Memory } = {}) {
    const daemons = cluster();
    const clock = new Clock();
    const store = new Store(client(daemons), clock.later, () => NOW);
    await clock.pass(1000);
    await change(daemons, clock);
    await clock.pass(GRACE_MS + 1000);
    const page: ReactNode = (
        <TextContext.Provider value={textIn(options.language ?? "en")}>
            <NowContext.Provider value={NOW}>
                <Overview snapshot={store.snapshot()} memory={(options.memory ?? new Memory()) as unknown as Storage} />
            </NowContext.Provider>
        </TextContext.Provider>
    );
    return plainText(page);
}

function plainText(page: ReactNode): string {
    return renderToStaticMarkup(page)
        .replace(/<svg.*?<\/svg>/gs, "")
        .replace(/<[^>]+>/g, " ")
        .replace(/&#x27;/g, "'")
        .replace(/\s+/g, " ");
}

const nothing = () => undefined;
const attention = (daemons: Daemons, ...sentences: [boolean, string][]) => {
    const groups = daemons["org.standfast.Groups"];
    groups.methods["org.standfast.Groups1.Attention"] = () => [sentences];
    groups.start();
};

test("all is well, and what the cluster is made of", async () => {
    const text = await shown(nothing);
    for (const part of [
        "webha quorate term 7, node1 coordinates, seen from node1",
        "All is well: nobody is needed.",
        "node1 online this node coordinator",
        "link 0 up link 1 up",
        "bmc-node2 answered 5 minutes ago",
        "webserv started 5 minutes ago",
        "runs no group",
        "3 of 3 votes are here; 2 are needed. This side goes on while no more than 1 of them are lost.",
    ])
        assert.ok(text.includes(part), `${part}\n${text}`);
});

test("what needs a person comes first, in the core's words", async () => {
    const sentence = "webserv does not run: node1 is lost: standfast explain webserv";
    const text = await shown((daemons) => attention(daemons, [true, sentence]));
    assert.ok(text.includes("What needs a person, as node1 sees it webserv does not run: node1 is lost: standfast explain webserv"), text);
    assert.ok(!text.includes("All is well"));
    assert.ok(text.indexOf("What needs a person") < text.indexOf("Nodes"));
});

test("of a sentence only what can be typed is set as such", () => {
    const codes = (said: string) => {
        const page = renderToStaticMarkup(<Sentence>{said}</Sentence>);
        return [...page.matchAll(/<code>(.*?)<\/code>/g)].map((found) => found[1]);
    };
    assert.deepEqual(codes("node1 waits: it left: standfast status -w shows how it goes"), ["standfast status -w"]);
    assert.deepEqual(codes("x. Why: standfast fence history n1; or cut its power, and: standfast fence confirm n1 5.1"), [
        "standfast fence history n1",
        "standfast fence confirm n1 5.1",
    ]);
    assert.deepEqual(codes("standfast-fenced does not run here: systemctl status standfast-fenced.service"), [
        "systemctl status standfast-fenced.service",
    ]);
});

test("an explanation has the answer first, then what else there is to say, and what to type", () => {
    const said = (text: string, setting = "") => ({ text, setting });
    const one: Explanation = {
        kind: "group",
        name: "webserv",
        answer: "webserv runs on node1: started on node1",
        why: [said("started on node1", "units/webserv.target:3")],
        passed: [],
        more: [],
        others: [{ name: "node2", reasons: [said("node2 is in standby"), said("it is drifted")] }],
        by_itself: [],
        ways: [{ command: "standfast node resume node2", on: null, text: "lets it run groups" }],
        if_node_dies: [{ node: "node1", outcomes: [{ name: "webserv", reasons: [said("webserv would start on node3")] }] }],
    };
    assert.equal(
        plainText(<Explained one={one} />),
        " webserv runs on node1: started on node1 Other nodes node2 is in standby ; it is drifted" +
            " What you can type standfast node resume node2 lets it run groups If node1 died now webserv would start on node3 ",
    );
});

test("why something is so is not told by who is older, or does not run, and why not is", () => {
    const said = (refusal: object) => plainText(<NotTold refusal={refusal} />);
    assert.match(said({ name: "org.freedesktop.DBus.Error.UnknownMethod", message: "no method" }), /is older than this page/);
    assert.match(said({ problem: "not-found" }), /standfast-resourced does not run.*systemctl start standfast-resourced/);
    assert.match(said({ name: "org.standfast.Error.Refused", message: "There is no group of that name." }), /There is no group/);
});

test("a stopped node is told as such, and nothing else is shown", async () => {
    const text = await shown((daemons) => Object.values(daemons).forEach((daemon) => daemon.stop()));
    assert.match(text, /Standfast is not running on this node .*systemctl start standfast.target/);
    assert.ok(!text.includes("webserv"));
});

test("without resourced the rest is shown, and why groups are not", async () => {
    const text = await shown((daemons) => daemons["org.standfast.Groups"].stop());
    assert.match(text, /standfast-resourced does not run on this node.*systemctl status standfast-resourced.service systemctl start standfast-resourced.service/);
    assert.ok(text.includes("Groups are not known"));
    assert.ok(text.includes("node2 unknown"));
    assert.ok(!text.includes("All is well"));
});

for (const [name, daemon] of [["org.standfast.Membership", "membershipd"], ["org.standfast.Quorum", "quorumd"], ["org.standfast.Fencing", "fenced"]] as const)
    test(`without ${daemon} groups are shown all the same`, async () => {
        const text = await shown((daemons) => daemons[name].stop());
        assert.ok(text.includes("webserv started"), text);
    });

test("a daemon that hangs is told", async () => {
    const text = await shown((daemons) => {
        const groups: FakeDaemon = daemons["org.standfast.Groups"];
        groups.hangs = true;
        groups.start();
    });
    assert.match(text, /standfast-resourced does not answer on this node/);
});

test("when the node vanishes while one looks, what was known stays with its time", async () => {
    const text = await shown((daemons) =>
        Object.values(daemons).forEach((daemon) => daemon.clients.forEach((one) => one.tell("close", { problem: "terminated" }))),
    );
    assert.match(text, /This page has no way to the node any more What stands below is how it was at .*2026/);
    assert.ok(text.includes("webserv started"));
    assert.ok(!text.includes("All is well"));
});

test("an older daemon is told", async () => {
    const text = await shown((daemons) => {
        daemons["org.standfast.Groups"].methods = {};
        daemons["org.standfast.Groups"].start();
    });
    assert.match(text, /older than this page.*standfast status/);
    assert.ok(!text.includes("All is well"));
});

test("a node that is not quorate says what is missing", async () => {
    const text = await shown((daemons) => {
        daemons["org.standfast.Quorum"].change(ROOT, "org.standfast.Quorum1", { Quorate: false, Votes: 1 });
        daemons["org.standfast.Groups"].change(ROOT, "org.standfast.Groups1", { Quorate: "no", Term: 0, NoTerm: "too few" });
    });
    assert.ok(text.includes("webha not quorate"));
    assert.ok(text.includes("1 of 3 votes are here; 2 are needed. 1 more would have to come before anything is started here."));
});

test("no group and no node each say how to begin", async () => {
    const groups = await shown((daemons) => {
        for (const path of Object.keys(daemons["org.standfast.Groups"].served))
            if (path.includes("/group/")) delete daemons["org.standfast.Groups"].served[path];
        daemons["org.standfast.Groups"].start();
    });
    assert.ok(groups.includes("No group is configured yet."));
    const nodes = await shown((daemons) => {
        for (const daemon of Object.values(daemons)) {
            daemon.served = { [ROOT]: { [`${daemon.name}1`]: {} } };
            daemon.start();
        }
    });
    assert.ok(nodes.includes("No node is known."), nodes);
});

test("a group without a node is shown with its reason", async () => {
    const text = await shown((daemons) =>
        daemons["org.standfast.Groups"].change(`${ROOT}/group/webserv`, "org.standfast.Group1", {
            Phase: "stopped", Owner: "", Flags: ["stopped"], Reason: "an operator stopped it",
        }),
    );
    assert.match(text, /Groups that run nowhere webserv stopped stopped by an operator 5 minutes ago an operator stopped it/);
});

test("what changed since the last visit is shown, and a memory that cannot be read is none", async () => {
    const before = { at: NOW - 7200_000, nodes: { node1: "online", node2: "lost", node3: "online" }, version: 4,
        groups: { webserv: { phase: "started", owner: "node3" } } };
    const memory = new Memory({ "standfast:seen:webha": JSON.stringify(before) });
    const text = await shown(nothing, { memory });
    assert.match(text, /Since your last visit, 2 hours ago node2 was lost, is online webserv moved from node3 to node1 Seen/);
    assert.ok(!(await shown(nothing, { memory: new Memory({ "standfast:seen:webha": "{" }) })).includes("Since your"));
});

test("it speaks Chinese", async () => {
    const text = await shown(nothing, { language: "zh-cn" });
    for (const part of ["一切正常", "节点", "在线", "3 票中有 3 票在此", "5分钟前"]) assert.ok(text.includes(part), `${part}\n${text}`);
});
