// A browser that does what it is told on standard input, a line of JSON for each step, and answers with one.
// usage: browser.mjs CHROMIUM

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

import { timing } from "./timing.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const args = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"];
args.push("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage");
args.push("--ignore-certificate-errors"); // not by page: each connection would be made twice
const browser = await chromium.launch({ executablePath: process.argv[2], args });
const context = await browser.newContext({ locale: "en-US" });
context.setDefaultNavigationTimeout(60_000); // a connection that came to nothing is closed by Cockpit after 30 s only
const page = await context.newPage();
const told = []; // what the page complained of
page.on("console", (message) => message.type() === "error" && told.push(message.text()));
page.on("pageerror", (error) => told.push(String(error)));

/** Nothing that the page asks for is waited for. */
async function isAtRest() {
    const busy = page.locator("[aria-busy=true], .pf-v6-c-empty-state .pf-v6-c-spinner");
    while (await busy.count()) await busy.first().waitFor({ state: "detached" });
}

const steps = {
    /** With `rights` as an administrator who has turned on administrative access. */
    async login({ url, user, password, rights = false }) {
        await page.goto(url);
        if (rights) await page.evaluate((name) => localStorage.setItem(`superuser:${name}`, "any"), user);
        await page.fill("#login-user-input", user);
        await page.fill("#login-password-input", password);
        await page.click("#login-button");
        await page.waitForSelector("main", { timeout: 30_000 });
        await page.evaluate(() => (window.sameDocument = true));
    },
    /** An element is there, with this text in it. */
    async has({ selector, text = "", within_s = 20 }) {
        await page.locator(selector, { hasText: text }).first().waitFor({ timeout: within_s * 1000 });
    },
    async gone({ selector, within_s = 20 }) {
        await page.locator(selector).first().waitFor({ state: "detached", timeout: within_s * 1000 });
    },
    async text({ selector = "main" }) {
        return await page.locator(selector).first().innerText();
    },
    async click({ selector }) {
        await page.locator(selector).first().click();
    },
    /** The view that this address names, in the same document. */
    async go({ hash }) {
        await page.evaluate((value) => (location.hash = value), hash);
    },
    /** The control of that label has this value, whatever it is, and is left. */
    async field({ within = "main", label, value }) {
        const exact = new RegExp(`^${label.replace(/[^\w ]/g, "\\$&")}\\s*\\*?$`); // a star: it is needed
        const control = page.locator(within).first().getByLabel(exact).first();
        const kind = await control.evaluate((one) => (one.type === "checkbox" ? "checkbox" : one.localName));
        if (kind === "select") await control.selectOption(value);
        else if (kind === "checkbox") await control.setChecked(value);
        else await control.fill(value);
        await control.blur();
    },
    async button({ within = "main", name }) {
        await page.locator(within).first().getByRole("button", { name, exact: true }).first().click();
    },
    async drag({ from, to }) {
        await page.dragAndDrop(from, to);
    },
    /** This attribute of every such element. */
    async attributes({ selector, name }) {
        return await page.locator(selector).evaluateAll((all, wanted) => all.map((one) => one.getAttribute(wanted)), name);
    },
    async press({ key }) {
        await page.keyboard.press(key);
    },
    async fill({ selector, value }) {
        await page.locator(selector).first().fill(value);
    },
    async was_reloaded() {
        return !(await page.evaluate(() => window.sameDocument === true));
    },
    /** Width, colours and language are these; what is wrong for who uses a screen reader. */
    async look({ file = "", width = 1280, dark = false, language = "en-us" }) {
        await page.setViewportSize({ width, height: 900 });
        await page.emulateMedia({ colorScheme: dark ? "dark" : "light", reducedMotion: "reduce" });
        const { origin } = new URL(page.url());
        const before = (await context.cookies()).find((one) => one.name === "CockpitLang");
        if ((before?.value ?? "en-us") !== language) {
            await context.addCookies([{ name: "CockpitLang", value: language, url: origin }]);
            await page.reload({ waitUntil: "domcontentloaded" }); // what is awaited is the page, not the last of its calls
            await page.waitForSelector("main h1");
        }
        await isAtRest();
        await page.evaluate(async () => {
            await new Promise((then) => requestAnimationFrame(() => requestAnimationFrame(then))); // they begin then
            await Promise.allSettled(document.getAnimations().map((one) => one.finished));
        });
        if (file) await page.screenshot({ path: file, fullPage: true });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        await page.evaluate(axe);
        const found = await page.evaluate(() => window.axe.run(document));
        const violations = found.violations.flatMap(({ id, help, nodes }) =>
            nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")}: ${node.failureSummary}`),
        );
        return wide ? [...violations, "it is wider than the window"] : violations;
    },
    /** What the upper part of the page shows. */
    async picture({ file }) {
        await isAtRest();
        await page.setViewportSize({ width: 1280, height: 720 });
        await page.evaluate(() => document.fonts.ready.then(() => undefined));
        await page.screenshot({ path: file });
    },
    async complaints() {
        return told.splice(0);
    },
    ...timing(context, page),
};

for await (const line of createInterface({ input: process.stdin })) {
    const { step, ...values } = JSON.parse(line);
    try {
        console.log(JSON.stringify({ answer: (await steps[step](values)) ?? null }));
    } catch (error) {
        const seen = await page.innerText("body").catch(() => "");
        console.log(JSON.stringify({ error: `${String(error).split("\n")[0]}\nthe page says: ${seen}` }));
    }
}
await browser.close();
