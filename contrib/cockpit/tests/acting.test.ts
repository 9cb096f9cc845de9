// The dialog of an action in a real browser: by keyboard alone, where the focus is, and whether everybody can read it.

import assert from "node:assert/strict";
import { test } from "node:test";

import type { Page } from "playwright-core";

import { opened, skip, violations } from "./chromium";
import type { FakeDaemon } from "./fake";

declare const daemons: Record<string, FakeDaemon>; // in the browser

const web = (page: Page, values: Record<string, unknown>) =>
    page.evaluate((now) => daemons["org.standfast.Groups"]!.change("/org/standfast/group/webserv", "org.standfast.Group1", now), values);
const focused = (page: Page) =>
    page.evaluate(() => document.activeElement?.getAttribute("data-act") ?? document.activeElement?.textContent ?? "");
const title = (page: Page) => page.locator("[role=dialog] h1").innerText();

test("a group is relocated by keyboard alone, and the focus comes back to it where it is then", { skip }, async () => {
    const page = await opened("");
    await page.focus("[data-act='relocate webserv']");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-stage=foreseen]");
    assert.deepEqual(await violations(page), []);
    await page.focus("[role=dialog] footer button");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[data-stage=under-way]");
    assert.equal(await focused(page), "Close");
    await web(page, { Phase: "stopping", Since: "2026-01-01T00:06:00Z" });
    await page.waitForSelector("[role=dialog] [data-state=stopping]");
    assert.deepEqual(await violations(page), []);
    await web(page, { Phase: "started", Owner: "node2", Since: "2026-01-01T00:06:02Z" });
    await page.waitForSelector("[data-stage=done]");
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.activeElement?.closest("[data-node]")?.getAttribute("data-node") === "node2");
    assert.equal(await focused(page), "relocate webserv");
});

test("the menu is opened, chosen from and left by keyboard", { skip }, async () => {
    const page = await opened("");
    await page.focus("[data-act='more webserv']");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[role=menuitem]:focus");
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[role=dialog]");
    assert.match(await title(page), /Restart webserv/);
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.activeElement?.getAttribute("data-act") === "more webserv");
    assert.equal(await page.locator("[role=dialog]").count(), 0);
});

test("a group that ends elsewhere is told with what to do next, and nothing had to be loaded anew", { skip }, async () => {
    const page = await opened("");
    await page.evaluate(() => Object.assign(window, { sameDocument: true }));
    await page.click("[data-act='relocate webserv']");
    await page.waitForSelector("[data-stage=foreseen]");
    await page.click("[role=dialog] footer button >> nth=0");
    await web(page, { Phase: "started", Owner: "node3", Since: "2026-01-01T00:06:09Z", Reason: "it failed on node2" });
    await page.waitForSelector("[data-stage=otherwise]");
    assert.match(await page.innerText("[role=dialog]"), /It went otherwise than foreseen[^]*it failed on node2[^]*Why webserv is so/);
    assert.deepEqual(await violations(page), []);
    assert.ok(await page.evaluate(() => "sameDocument" in window));
});

for (const [where, act, look] of [
    ["", "relocate webserv", { width: 360, dark: true, language: "zh-CN" }],
    ["?mayNot", "standby node2", { width: 360, dark: false, language: "en-US" }],
    ["?mayNot", "relocate webserv", { width: 1280, dark: true, language: "en-US" }],
    ["?unconfirmed", "take-back ", { width: 360, dark: false, language: "zh-CN" }],
] as const)
    test(`the dialog of ${act}${where} is readable: ${look.width} px, ${look.dark ? "dark" : "light"}, ${look.language}`, { skip }, async () => {
        const page = await opened(where, look);
        await page.click(`[data-act='${act}']`);
        await page.waitForSelector("[data-stage=foreseen]");
        assert.deepEqual(await violations(page), []);
        await page.context().close();
    });
