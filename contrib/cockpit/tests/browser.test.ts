// The page in a real browser, over daemons that are made up: what only a browser can tell, such as where the focus is,
// what a drag does, and whether everybody can read it. It is skipped where there is no Chromium.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Page } from "playwright-core";

import { opened, skip, URL_OF, violations } from "./chromium";
import type { FakeConsole } from "./console";
// @ts-expect-error: plain JavaScript, for browser.mjs, which Node.js runs as it is
import { timing } from "./timing.mjs";

declare const service: FakeConsole; // in the browser

const files = (page: Page) => page.evaluate(() => service.edits.length);
const text = (page: Page, selector: string) => page.locator(selector).first().innerText();
const order = (page: Page, kind: string) => page.locator(`[data-kind=${kind}] .sf-sortable > li`).evaluateAll((all) => all.map((one) => one.getAttribute("data-item")));

test("tabs are links: the address keeps the place over a reload, and back goes back", { skip }, async () => {
    const page = await opened("");
    await page.click("text=What happened >> nth=0");
    await page.waitForSelector(".sf-waterfall");
    await page.click(".sf-incidents li:last-child a");
    await page.reload();
    await page.waitForSelector("text=The journals do not say how long it took.");
    await page.goBack();
    await page.waitForSelector(".sf-waterfall");
    assert.match(page.url(), /#\/timeline$/);
});

test("bars have the lengths of their steps", { skip }, async () => {
    const page = await opened("#/timeline");
    await page.waitForSelector(".sf-bar");
    const boxes = await page.locator(".sf-track").evaluateAll((tracks) =>
        tracks.map((track) => {
            const whole = track.getBoundingClientRect();
            const bar = track.firstElementChild!.getBoundingClientRect();
            return [(bar.left - whole.left) / whole.width, bar.width / whole.width].map((part) => Math.round(4321 * part));
        }),
    );
    const wanted = [[0, 2100], [2100, 21], [2121, 1200], [3321, 700], [4021, 300]];
    boxes.forEach(([start, width], index) => {
        assert.ok(Math.abs(start! - wanted[index]![0]!) < 15 && Math.abs(width! - wanted[index]![1]!) < 15, JSON.stringify(boxes));
    });
    assert.equal(boxes.length, wanted.length);
});

test("the incidents are read again when a group changes its phase", { skip }, async () => {
    const page = await opened("#/timeline");
    await page.waitForSelector(".sf-waterfall");
    const asked = () => page.evaluate(() => service.calls.filter((call) => call === "Timeline").length);
    const before = await asked();
    await page.evaluate(() => {
        const all = (globalThis as unknown as { daemons: Record<string, FakeConsole> }).daemons;
        all["org.standfast.Groups"]!.change("/org/standfast/group/webserv", "org.standfast.Group1", { Phase: "stopping" });
    });
    await page.waitForFunction((count) => service.calls.filter((call) => call === "Timeline").length > count, before);
    assert.ok((await asked()) > before);
});

test("what is typed into a field becomes an edit, and stands in the text of the file", { skip }, async () => {
    const page = await opened("#/configuration/nodes");
    const node2 = page.locator("[data-kind=node][data-name=node2]");
    await node2.getByLabel("Fence=").fill("bmc-node2");
    await node2.getByText("text: cluster.conf").click(); // leaves the field and the view at once
    const area = page.getByRole("textbox", { name: "cluster.conf" });
    await page.waitForFunction(() => document.querySelector("textarea")?.value.includes("Fence=bmc-node2"));
    await area.fill((await area.inputValue()).replace("Name=webha", "# by hand\nName=webha"));
    await page.getByRole("link", { name: "Cluster", exact: true }).click();
    await page.getByLabel("DetectWithin=").fill("3s");
    await page.getByRole("link", { name: "Files", exact: true }).click();
    await page.waitForFunction(() => /# by hand\nName=webha\nDetectWithin=3s/.test(document.querySelector("textarea")?.value ?? ""));
    await page.reload();
    await page.waitForFunction(() => document.querySelector("textarea")?.value.includes("# by hand"));
});

test("a list is ordered by drag and by keyboard, which keeps the focus and says the place", { skip }, async () => {
    const page = await opened("#/configuration/domains");
    await page.waitForSelector("[data-item=node2]");
    await page.dragAndDrop("[data-item=node2]", "[data-item=node1]");
    await page.waitForFunction(() => service.edits.some(([edit]) => edit?.value === "node2 node1"));
    assert.deepEqual(await order(page, "domain"), ["node2", "node1"]);
    await page.focus("[data-item=node1] [data-move=up]");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => service.edits.at(-1)?.[0]?.value === "node1 node2");
    await page.waitForSelector("text=node1 is now number 1 of 2.", { state: "attached" });
    assert.equal(await page.evaluate(() => document.activeElement?.closest("li")?.getAttribute("data-item")), "node1");
});

test("what a key does is told to whoever asks, by keyboard too", { skip }, async () => {
    const page = await opened("#/configuration/nodes");
    const node1 = page.locator("[data-kind=node][data-name=node1]");
    await node1.getByText("More settings of node1").click();
    const asks = node1.getByRole("button", { name: "What Votes= does" });
    await asks.focus();
    await page.keyboard.press("Enter");
    await node1.getByText("How much it counts.").waitFor();
    assert.equal(await asks.getAttribute("aria-expanded"), "true");
    assert.deepEqual(await violations(page), []);
    await asks.click();
    await node1.getByText("How much it counts.").waitFor({ state: "detached" });
});

test("a group is made of units that exist and an address, with a probe that is tried on each node", { skip }, async () => {
    const page = await opened("#/configuration/groups");
    await page.getByRole("textbox", { name: "Add a group" }).fill("db");
    await page.keyboard.press("Enter");
    const group = page.locator("[data-kind=group][data-name=db]");
    await group.getByRole("combobox", { name: "Add a unit" }).fill("mariadb.service");
    await page.keyboard.press("Enter");
    await group.locator("[data-item='mariadb.service']").waitFor();
    await group.getByRole("textbox", { name: "Add an address" }).fill("192.0.2.101");
    await page.keyboard.press("Enter");
    await group.locator("[data-item='standfast-ip@192.0.2.101.service']").waitFor();
    assert.match(await group.locator("[data-item='mariadb.service']").innerText(), /MariaDB/);
    await group.getByText("Settings of mariadb.service").click();
    await group.getByRole("textbox", { name: "Add a probe" }).fill("ping");
    await page.keyboard.press("Enter");
    const probe = page.locator("[data-kind=probe]", { hasText: "mariadb.service: ping" });
    await probe.getByLabel("Type=").selectOption("tcp");
    await probe.getByLabel("Connect=").fill("192.0.2.101:3306");
    assert.equal(await probe.getByLabel("URL=").count(), 0);
    await probe.getByText("Try now on node2").click();
    await probe.getByText("status 200").waitFor();
    const made = await page.evaluate(() => service.edits.flat().at(-1));
    assert.deepEqual(made, { do: "set", file: "units/mariadb.service.d/standfast.conf", section: "X-Probe ping", name: "", key: "Connect", value: "192.0.2.101:3306" });
});

test("a fence device is what its agent says, its password is in no memory, and it is asked before it is pushed", { skip }, async () => {
    const page = await opened("#/configuration/devices");
    const device = page.locator("[data-kind=device]");
    await device.getByLabel("ip", { exact: false }).first().fill("192.0.2.202");
    await device.getByLabel("password").fill("s3cret");
    await page.keyboard.press("Tab");
    await page.waitForFunction(() => service.edits.flat().some((edit) => edit.file === "bmc.secret" && edit.text === "s3cret\n"));
    await page.waitForFunction(() => service.edits.flat().some((edit) => edit.value === "ip=192.0.2.202\nssl=1"));
    assert.ok(!(await page.evaluate(() => JSON.stringify({ ...sessionStorage }))).includes("s3cret"));
    await device.getByText("Ask bmc-node1 now").click();
    await page.waitForSelector("text=node1 is on");
});

/** Each change of the draft lasts this long from now on. */
const slowed = (page: Page, ms: number) =>
    page.evaluate((lasts) => {
        const edit = service.methods["org.standfast.Console1.Edit"]!;
        service.methods["org.standfast.Console1.Edit"] = (...values) => new Promise((done) => setTimeout(() => done(edit(...values)), lasts)) as never;
    }, ms);

test("a list is moved about faster than the service takes it: it shows each move, goes back in none, and loses none", { skip }, async () => {
    const page = await opened("#/configuration/domains");
    await page.waitForSelector("[data-item=node2]");
    await slowed(page, 300);
    await page.evaluate(() => {
        const list = document.querySelector("[data-kind=domain] .sf-sortable")!;
        const seen: (string | undefined)[] = ((globalThis as unknown as { orders: string[] }).orders = []);
        const note = () => {
            const now = [...list.children].map((one) => one.getAttribute("data-item")).join(" ");
            if (seen.at(-1) !== now) seen.push(now);
        };
        new MutationObserver(note).observe(list, { childList: true });
    });
    await page.dragAndDrop("[data-item=node2]", "[data-item=node1]");
    for (const way of ["down", "up", "down"]) await page.click(`[data-item=node2] [data-move=${way}]`);
    await page.waitForFunction(() => service.calls.slice(service.calls.indexOf("Edit")).filter((call) => call === "Read").length === 4);
    const [orders, edits] = await page.evaluate(() => [(globalThis as unknown as { orders: string[] }).orders, service.edits.map(([edit]) => edit?.value)]);
    assert.deepEqual(orders, ["node2 node1", "node1 node2", "node2 node1", "node1 node2"]);
    assert.deepEqual(edits, orders);
    assert.deepEqual(await order(page, "domain"), ["node1", "node2"]);
});

test("a choice is shown while the service takes its time", { skip }, async () => {
    const page = await opened("#/configuration/domains");
    const ordered = page.locator("[data-kind=domain]").getByLabel("Ordered=").first();
    await ordered.waitFor();
    await page.evaluate(() => {
        service.methods["org.standfast.Console1.Edit"] = () => new Promise(() => {}) as never;
    });
    await ordered.selectOption("no"); // the file says yes
    assert.equal(await ordered.inputValue(), "no");
});

test("nothing that is typed fast is lost while the service takes its time", { skip }, async () => {
    const page = await opened("#/configuration/devices");
    await slowed(page, 300);
    const device = page.locator("[data-kind=device]");
    await device.getByText("More options of fence_redfish").click();
    for (const [option, value] of [["username", "fence"], ["systems_uri", "/redfish/v1/Systems/1"], ["retries", "3"]] as const) {
        await device.getByLabel(option, { exact: true }).fill(value);
        await device.getByLabel(option, { exact: true }).blur();
    }
    await page.goto(`${URL_OF}#/configuration/files/cluster.conf`);
    const wanted = /Option=ip=192.0.2.201\nOption=ssl=1\nOption=username=fence\nOption=systems_uri=\/redfish\/v1\/Systems\/1\nOption=retries=3/;
    await page.waitForFunction((said) => new RegExp(said).test(document.querySelector("textarea")?.value ?? ""), wanted.source);
});

test("the way from a draft to a push: what is wrong, what it would do, how it goes, and that it must be kept", { skip }, async () => {
    const page = await opened("#/configuration/nodes");
    await page.locator("[data-name=node2]").getByRole("textbox", { name: "Votes=" }).or(page.getByText("More settings of node2")).first().click();
    await page.locator("[data-name=node2]").getByRole("textbox", { name: "Votes=" }).fill("2");
    await page.click("text=Plan and push");
    await page.click("text=What would that do?");
    await page.waitForSelector("[data-plan-group=webserv][data-plan-kind=move]");
    await page.getByLabel("What for").fill("more votes");
    await page.getByLabel("Within minutes").fill("10");
    await page.click("text=Push to every node");
    await page.waitForSelector("text=Version 5 is in force on every node that is here.");
    const [base, pushed, without, why, within] = (await page.evaluate(() => service.pushes[0])) as [string, Record<string, string>, string[], string, number];
    assert.deepEqual([base, without, why, within], ["base 4", [], "more votes", 600]);
    assert.match(pushed["cluster.conf"]!, /Name=node2\nId=2\nAddress=192.0.2.12\nVotes=2/);
    assert.ok(await files(page));
});

test("a mistake stands at its field and leads to its line in the text", { skip }, async () => {
    const page = await opened("?wrong#/configuration/nodes");
    const field = page.locator("[data-name=node1]").getByLabel("Id=");
    await page.waitForSelector("text=Id=1 is node2's already");
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    const described = await field.getAttribute("aria-describedby");
    assert.match(await text(page, `[id="${described}"]`), /Id=1 is node2's already/);
    await page.click("text=text: cluster.conf:6");
    await page.waitForSelector("textarea");
    const chosen = () => page.evaluate(() => {
        const area = document.querySelector("textarea")!;
        return area.value.slice(area.selectionStart, area.selectionEnd);
    });
    assert.equal(await chosen(), "Id=1");
});

test("a machine is taken into the cluster at once, with how it goes, and no draft is needed", { skip }, async () => {
    const page = await opened("#/configuration/nodes");
    const form = page.locator("section", { has: page.locator("#grow") });
    await page.evaluate(() => {
        const made = globalThis as unknown as { asked: unknown[] };
        service.methods["org.standfast.Console1.AddNode"] = (...values) => {
            made.asked = values;
            return new Promise((done) => setTimeout(() => (service.progress("AddNode", "node4 is asked over ssh"), setTimeout(() => done([6]), 500)), 100)) as never;
        };
    });
    await form.getByLabel("Name", { exact: false }).first().fill("node4");
    await form.getByLabel("Addresses").fill("192.0.2.14\n198.51.100.14");
    await form.getByLabel("Fence=").fill("pdu:4");
    await form.getByRole("button", { name: "Take node4 into the cluster" }).click();
    await form.getByText("node4 is asked over ssh").waitFor();
    await form.getByText("It is a member; version 6 names it.").waitFor();
    const asked = await page.evaluate(() => (globalThis as unknown as { asked: unknown[] }).asked);
    assert.deepEqual(asked, ["node4", ["192.0.2.14", "198.51.100.14"], "", ["pdu:4"], false]);
});

test("a version is gone back to only after somebody saw what that would do", { skip }, async () => {
    const page = await opened("#/configuration/history");
    await page.click("text=Go back to 3");
    await page.waitForSelector("[data-plan-group=webserv]");
    assert.ok(!(await page.evaluate(() => service.calls.includes("Rollback"))));
    await page.click("text=Bring the files of 3 into force");
    await page.waitForSelector("text=Version 5 is in force.");
});

test("the bench sees the first view, and a signal until it is painted", { skip }, async () => {
    const page = await opened("");
    const { first_view, signals } = timing(page.context(), page);
    const { nodes, verdict } = await first_view({ url: URL_OF });
    assert.ok(nodes > 0 && verdict > 0, `${nodes} ${verdict}`);
    const seen = signals({ count: 1 });
    await page.evaluate(() => {
        const all = (globalThis as unknown as { daemons: Record<string, FakeConsole> }).daemons;
        const news = { Phase: "starting", Reason: `published at ${Date.now()}` };
        all["org.standfast.Groups"]!.change("/org/standfast/group/webserv", "org.standfast.Group1", news);
    });
    const [{ came, changed, painted }] = await seen;
    assert.ok(0 <= came && came <= changed && changed <= painted, `${came} ${changed} ${painted}`);
});

const VIEWS = ["#/overview", "#/timeline", ...["nodes", "devices", "domains", "groups", "cluster", "files", "push", "history"].map((part) => `#/configuration/${part}`)];
const ODD = ["?fresh#/configuration/nodes", "?fresh#/overview", "?older#/timeline", "?older#/configuration", "?mayNot#/configuration/groups"];
const LOOKS = [
    ...[...VIEWS, ...ODD].map((where) => ({ where, width: 1280, dark: false, language: "en-US" })),
    ...[...VIEWS, "?wrong#/configuration/nodes"].map((where) => ({ where, width: 360, dark: true, language: "zh-CN" })),
    ...["?wrong#/configuration/files/cluster.conf?line=6", "?unconfirmed#/configuration/history"].map((where) => ({ where, width: 360, dark: false, language: "en-US" })),
];
for (const { where, ...look } of LOOKS)
    test(`${where} is in nobody's way: ${look.width} px, ${look.dark ? "dark" : "light"}, ${look.language}`, { skip }, async () => {
        const page = await opened(where, look);
        await page.waitForSelector("h1");
        await page.waitForFunction(() => !document.querySelector(".pf-v6-c-spinner"));
        assert.deepEqual(await violations(page), []);
        await page.context().close();
    });
