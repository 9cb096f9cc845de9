// How long the page takes, by the browser's own clock, CLOCK_REALTIME in milliseconds, which all processes of one
// machine share: steps of browser.mjs.

const PAGE = /\/standfast[^/]*\/index\.html/; // in Cockpit's window it is a frame

/** In the page: notes when what is looked for was on the screen first. */
function watch() {
    const NODES = "main [data-node] [data-state]";
    const VERDICT = "main .pf-v6-c-alert:is(.pf-m-success, #attention)"; // all is well, or what is the matter
    const seen = (globalThis.seen = { signals: new Map() });
    const painted = (then) =>
        requestAnimationFrame(() => {
            const { port1, port2 } = new MessageChannel();
            port1.onmessage = () => then(Date.now()); // callbacks come before a frame is painted, messages after it
            port2.postMessage(null);
        });
    const look = () => {
        const nodes = document.querySelector(NODES);
        if (nodes && !seen.nodes) painted((when) => (seen.nodes ??= when));
        if (nodes && !seen.verdict && document.querySelector(VERDICT)) painted((when) => (seen.verdict ??= when));
        for (const { textContent } of document.querySelectorAll(".sf-reason")) {
            const [, published] = /published at (\d+)/.exec(textContent) ?? [];
            if (!published || seen.signals.has(published)) continue;
            const times = { changed: Date.now() - published };
            seen.signals.set(published, times);
            painted((when) => (times.painted = when - published));
        }
    };
    look();
    new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
}

export function timing(context, page) {
    let session = null;
    let frame = null;
    return {
        /** Cockpit ends a session that has no window for a moment: from now on there is another one, behind this one. */
        async stay({ url }) {
            const window = await context.newPage();
            const script = new URL("/cockpit/@localhost/base1/cockpit.js", url).href;
            await window.goto(script);
            await window.addScriptTag({ url: script });
            await window.evaluate(() => new Promise((there) => cockpit.transport.wait(there)));
            await page.bringToFront(); // who is not in front paints once a second
        },
        /** From navigation, with a session of Cockpit's, to what is on the screen; `bytes` came over the network. */
        async first_view({ url, cold = true }) {
            session ??= await context.newCDPSession(page);
            await page.goto("about:blank");
            if (cold) await session.send("Network.clearBrowserCache");
            const begins = page.waitForEvent("framenavigated", { predicate: (one) => PAGE.test(one.url()), timeout: 90_000 });
            const watched = begins.then(async (one) => (await one.evaluate(watch), one)); // long before it shows anything
            [frame] = await Promise.all([watched, page.goto(url, { waitUntil: "commit" })]);
            await frame.waitForFunction(() => globalThis.seen.verdict, null, { timeout: 90_000 });
            const begun = await page.evaluate(() => performance.timeOrigin);
            return await frame.evaluate((begun) => {
                const [own] = performance.getEntriesByType("navigation");
                const bytes = [own, ...performance.getEntriesByType("resource")].reduce((sum, one) => sum + one.transferSize, 0);
                const before = performance.timeOrigin - begun; // until Cockpit's window asks for the page
                const { nodes, verdict } = globalThis.seen;
                return { bytes, asked: before, loaded: before + own.domContentLoadedEventStart, nodes: nodes - begun, verdict: verdict - begun };
            }, begun);
        },
        /** Of the next so many signals that say when they were published: when each came, changed the page, was seen. */
        async signals({ count }) {
            await frame.evaluate(() => {
                const { signals } = globalThis.seen;
                signals.clear();
                globalThis.listening ??= cockpit.dbus("org.standfast.Groups", { bus: "system" }).subscribe(
                    { interface: "org.freedesktop.DBus.Properties", path_namespace: "/org/standfast" },
                    (_path, _interface, _member, [, values]) => {
                        const [, published] = /published at (\d+)/.exec(values.Reason?.v ?? "") ?? [];
                        if (published) (globalThis.came ??= new Map()).set(published, Date.now() - published);
                    },
                );
            });
            const all = (wanted) => [...globalThis.seen.signals.values()].filter((one) => one.painted).length >= wanted;
            await frame.waitForFunction(all, count, { timeout: 120_000 });
            return await frame.evaluate(() =>
                [...globalThis.seen.signals].map(([published, times]) => ({ came: globalThis.came?.get(published) ?? null, ...times })),
            );
        },
    };
}
