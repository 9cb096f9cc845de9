import assert from "node:assert/strict";
import { test } from "node:test";

import { ROOT } from "../src/cluster/objects";
import { Store } from "../src/cluster/store";
import { Configuration, type ConfigurationStores } from "../src/configure/Configuration";
import { CHECK_MS, Draft } from "../src/configure/draft";
import { fateOf } from "../src/configure/Difference";
import { Knowledge } from "../src/configure/knowledge";
import { Pushing } from "../src/configure/pushing";
import { serviceOver } from "../src/configure/service";
import { Versions } from "../src/configure/versions";
import { placeOf } from "../src/place";
import { FakeConsole, FILES, VERSIONS } from "./console";
import { client, Clock, cluster } from "./fake";
import { markup, plain } from "./pages";

interface Scene {
    service: FakeConsole;
    stores: ConfigurationStores;
    clock: Clock;
    daemons: ReturnType<typeof cluster>;
}

/** What the view at this address says after `change`, and its markup. */
async function shown(hash: string, change: (scene: Scene) => unknown = () => undefined, language = "en") {
    const daemons = cluster();
    const clock = new Clock();
    const service = new FakeConsole();
    const memory = { getItem: () => null, setItem: () => undefined, removeItem: () => undefined };
    const stores: ConfigurationStores = {
        draft: new Draft(service.console, clock.later, memory, "draft"),
        pushing: new Pushing(service.console),
        knowledge: new Knowledge(service.console),
        versions: new Versions(service.console),
        service: serviceOver(service.console),
        keeping: { keep: async () => undefined, takeBack: async () => undefined },
    };
    stores.knowledge.needKeys();
    await change({ service, stores, clock, daemons });
    const store = new Store(client(daemons), clock.later, () => clock.now);
    stores.draft.look(4);
    await clock.pass(CHECK_MS + 100);
    const page = <Configuration place={placeOf(hash)} snapshot={store.snapshot()} stores={stores} />;
    const html = markup(page, language);
    return { html, text: plain(html) };
}

async function read({ stores, clock }: Scene): Promise<void> {
    stores.draft.look(3);
    await clock.pass(CHECK_MS);
}

test("nodes are shown with their keys as they are called in the files, and a way to their text", async () => {
    const { text, html } = await shown("#/configuration/nodes");
    for (const part of ["Name= *", "Address= *", "IP address, one line for each link", "text: cluster.conf:4", "checked: right"])
        assert.ok(text.includes(part), `${part}\n${text}`);
    assert.ok(html.includes('href="#/configuration/files/cluster.conf?line=4"'), html);
});

test("a node is taken out on a terminal, which is said", async () => {
    const { text } = await shown("#/configuration/nodes");
    assert.ok(text.includes("proven off first: standfast node remove NODE"), text);
});

test("who may not change the configuration sees it and is told why, and has nothing to press", async () => {
    const { text, html } = await shown("#/configuration/groups", ({ service }) =>
        service.refuse("Files", "an administrator's password is needed", "org.freedesktop.DBus.Error.AccessDenied"),
    );
    assert.match(text, /You can look at the configuration, and not change it an administrator's password is needed/);
    assert.ok(text.includes("apache2.service") && !text.includes("Add a unit") && !html.includes("data-move"), text);
});

test("an older node without the console's service says what is the matter", async () => {
    const { text } = await shown("#/configuration", ({ service }) => void (service.present = false));
    assert.match(text, /The configuration could not be read Standfast on this node is older than this page/);
    assert.ok(text.includes("Try again"));
});

test("without resourced it is said on every part, and nobody claims that there was no version", async () => {
    const { text } = await shown("#/configuration/history", async ({ daemons, stores, service, clock }) => {
        daemons["org.standfast.Groups"].stop();
        service.methods["org.standfast.Console1.Versions"] = () => [JSON.stringify({ versions: [], unconfirmed: null })];
        stores.versions.look(0);
        await clock.pass(0);
    });
    assert.match(text, /standfast-resourced does not run on this node.*systemctl start standfast-resourced.service/);
    assert.ok(text.includes("The versions could not be read") && !text.includes("No version was in force"), text);
});

test("a connection that is lost while one edits is said, and the draft stays where it was", async () => {
    const { text } = await shown("#/configuration/files", async (scene) => {
        await read(scene);
        scene.stores.draft.write("cluster.conf", "[Cluster]\nName=mine\n");
        await scene.clock.pass(CHECK_MS);
        scene.service.hangs = true;
        scene.stores.draft.edit({ do: "remove", file: "units/webserv.target" });
        await scene.clock.pass(0);
    });
    assert.match(text, /draft, files changed: 1 .*That was not done There is no way to the node just now/);
    assert.ok(text.includes("Name=mine"), text);
});

test("what somebody else pushed meanwhile is said, with what both changed", async () => {
    const { text } = await shown("#/configuration/nodes", async (scene) => {
        await read(scene);
        scene.stores.draft.write("cluster.conf", "[Cluster]\nName=mine\n");
        await scene.clock.pass(0);
        scene.service.base = "base 5";
        scene.service.files = { ...FILES, "cluster.conf": "[Cluster]\nName=theirs\n" };
    });
    assert.match(text, /Somebody changed the configuration meanwhile; version 4 is in force Your draft is kept/);
    assert.ok(text.includes("leaves these as you have them: cluster.conf Take over what was changed Compare"), text);
});

test("mistakes stand at their fields and in a list, each with file and line", async () => {
    const { text, html } = await shown("#/configuration/nodes", ({ service }) => {
        service.problems = [["cluster.conf", 6, "Id=1 is node2's already", false], ["corosync.key", 0, "is missing", true]];
    });
    assert.ok(text.includes("checked, mistakes: 1"), text);
    assert.match(text, /What the check found Danger alert: Id=1 is node2's already text: cluster.conf:6 Warning alert: is missing text: corosync.key/);
    assert.match(html, /aria-invalid="true"[^>]*value="1"|value="1"[^>]*aria-invalid="true"/);
});

test("a version that is not kept yet counts down, and can be kept or taken back", async () => {
    const { text } = await shown("#/configuration/nodes", ({ daemons }) => {
        const root = daemons["org.standfast.Groups"].served[ROOT]!["org.standfast.Groups1"]!;
        root.Unconfirmed = ["d3", 245_000];
    });
    assert.match(text, /The version in force is not kept yet The version before comes back by itself in 4:05 Keep it Go back now/);
});

test("a machine in no cluster begins one", async () => {
    const { text } = await shown("#/configuration/nodes", ({ service }) => void (service.fresh = true));
    assert.match(text, /not begun yet .*Begin the cluster .*This machine is in no cluster/);
    assert.ok(text.includes("Add a node") && !text.includes("Take a machine into the cluster"), text);
});

test("what a push would do: which groups, for how long, why, and what differs", async () => {
    const { text, html } = await shown("#/configuration/push", async (scene) => {
        await read(scene);
        scene.stores.draft.write("cluster.conf", "[Cluster]\nName=mine\n");
        await scene.clock.pass(0);
        await scene.stores.pushing.plan(scene.stores.draft.state().files);
    });
    assert.match(text, /Prepared on node1, node2; nothing is changed yet. .*webserv moves node1 to node2 1400 ms its page is another one/);
    assert.ok(text.includes("Untouched: db") && text.includes("three votes instead of two"), text);
    assert.match(html, /<del>.*removed:.*-Name=webha.*<\/del><ins>.*added:.*\+Name=web/);
});

test("a plan of other files than the draft's is not shown any more", async () => {
    const { text } = await shown("#/configuration/push", async (scene) => {
        await read(scene);
        await scene.stores.pushing.plan(scene.stores.draft.state().files);
        scene.stores.draft.write("cluster.conf", "[Cluster]\nName=another\n");
    });
    assert.ok(text.includes("What would that do?") && !text.includes("Push to every node"), text);
});

test("a secret is named, and not shown", async () => {
    const { text } = await shown("#/configuration/files/bmc.secret");
    assert.ok(text.includes("bmc.secret is a secret, or no text. It is not shown"), text);
});

test("a password that was typed is not shown in the text of the files either", async () => {
    const { html, text } = await shown("#/configuration/files/bmc.secret", async (scene) => {
        await read(scene);
        scene.stores.draft.keepSecret("bmc.secret", "s3cret");
        await scene.clock.pass(0);
        assert.equal(scene.stores.draft.state().files["bmc.secret"], "s3cret\n");
    });
    assert.ok(!html.includes("s3cret") && text.includes("bmc.secret is a secret"), text);
});

test("of versions with the same files the last one is in force, and no other one is gone back to", async () => {
    const versions = [4, 3, 2].map((number) => ({ ...VERSIONS[0], number, digest: `d${number % 2}`, in_force: number !== 3 }));
    const { text } = await shown("#/configuration/history", async ({ service, stores, clock }) => {
        service.methods["org.standfast.Console1.Versions"] = () => [JSON.stringify({ versions, unconfirmed: null })];
        stores.versions.look(4);
        await clock.pass(0);
    });
    assert.deepEqual(text.match(/\d in force/g), ["4 in force"], text);
    assert.ok(text.includes("Go back to 3") && !text.includes("Go back to 2"), text);
});

test("an only version is compared with what stands on the node", async () => {
    const { text } = await shown("#/configuration/history", async ({ service, stores, clock }) => {
        service.methods["org.standfast.Console1.Versions"] = () => [JSON.stringify({ versions: [VERSIONS[0]] })];
        service.methods["org.standfast.Console1.Difference"] = (from, to) => [from === 0 && to === 0 ? "" : "wrong"];
        stores.versions.look(4);
        await clock.pass(0);
    });
    assert.ok(text.includes("Nothing differs."), text);
});

test("versions have who, when and why, and those that are not in force a way back", async () => {
    const { text } = await shown("#/configuration/history", async ({ stores, clock }) => {
        stores.versions.look(4);
        await clock.pass(0);
    });
    assert.match(text, /4 in force Jan 1, 2026, .*root another page 3 Dec 1, 2025, .*alice the first one Go back to 3/);
});

test("it speaks Chinese", async () => {
    const { text } = await shown("#/configuration/groups", undefined, "zh-cn");
    for (const part of ["配置", "检查：正确", "添加单元", "按从前到后的顺序启动"]) assert.ok(text.includes(part), `${part}\n${text}`);
});

test("lines of a difference are told apart", () => {
    const lines = ["--- a", "+++ b", "@@ -1 +1 @@", "-x", "+y", " z", ""];
    assert.deepEqual(lines.map(fateOf), ["file", "file", "place", "removed", "added", "same", "same"]);
});
