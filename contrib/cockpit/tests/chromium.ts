// A headless Chromium with the page over daemons that are made up (site/); it is skipped where there is no Chromium.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { after } from "node:test";

import type { Browser, Page } from "playwright-core";

declare const axe: { run(where: Document): Promise<{ violations: { id: string; nodes: { target: string[] }[] }[] }> };

const CHROMIUM = "/usr/bin/chromium";
export const URL_OF = "http://standfast.test/index.html";
export const skip = existsSync(CHROMIUM) ? false : `${CHROMIUM} is missing: contrib/install-packages browser`;
const TYPES: Record<string, string> = { html: "text/html", js: "text/javascript", css: "text/css" };
let browser: Browser | null = null;

after(() => browser?.close());

export async function opened(where: string, options: { width?: number; dark?: boolean; language?: string } = {}): Promise<Page> {
    const { chromium } = require("playwright-core") as typeof import("playwright-core");
    const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"];
    browser ??= await chromium.launch({ executablePath: CHROMIUM, args });
    const context = await browser.newContext({
        viewport: { width: options.width ?? 1280, height: 900 },
        colorScheme: options.dark ? "dark" : "light",
        locale: options.language ?? "en-US",
        reducedMotion: "reduce",
    });
    const page = await context.newPage();
    page.on("pageerror", (error) => assert.fail(error));
    await page.route("http://standfast.test/**", (route) => {
        const name = new URL(route.request().url()).pathname.slice(1);
        const file = `dist/tests/site/${name}`;
        if (!existsSync(file)) return route.fulfill({ status: 404 });
        return route.fulfill({ contentType: TYPES[name.split(".").pop() ?? ""] ?? "font/woff2", body: readFileSync(file) });
    });
    await page.goto(URL_OF + where);
    await page.waitForSelector("main");
    return page;
}

/** What is wrong for who uses a screen reader or a narrow window. */
export async function violations(page: Page): Promise<string[]> {
    await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
    const found = await page.evaluate(async () => (await axe.run(document)).violations.map(({ id, nodes }) => `${id}: ${nodes.map((one) => one.target).join(" ")}`));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    return wide ? [...found, "it is wider than the window"] : found;
}
