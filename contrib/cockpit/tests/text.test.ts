import assert from "node:assert/strict";
import { test } from "node:test";

import { ago, textIn, wantedLanguage, word } from "../src/text";
import { en, type Key } from "../src/text/en";
import { zh } from "../src/text/zh";
import { kindOf, meaningOf } from "../src/text/keys";
import { isDark } from "../src/theme";
import { nodesOf, sources, ts } from "./sources";

const KEYS = Object.keys(en) as Key[];
const MADE = /^(state|flag|step|kind|view|part|going|failed)-/; // by `word`, of what the daemons say

test("every language has every key, with the same places for values", () => {
    assert.deepEqual(Object.keys(zh).sort(), [...KEYS].sort());
    const places = (said: string) => [...said.matchAll(/\{\w+\}/g)].map(String).sort();
    const wrong = KEYS.filter((key) => places(en[key]).join() !== places(zh[key]).join() || !zh[key].trim());
    assert.deepEqual(wrong, []);
});

test("no part has a key of another part", () => {
    const written = sources("src/text").flatMap((file) =>
        file.fileName.endsWith("en.ts") ? nodesOf(file).filter(ts.isPropertyAssignment).map((node) => node.name.getText()) : [],
    );
    assert.deepEqual(written.filter((key, index) => written.indexOf(key) !== index), []);
    assert.equal(written.length, KEYS.length);
});

test("no key is unused", () => {
    const strings = new Set(sources("src").flatMap((file) => nodesOf(file).filter(ts.isStringLiteral).map((node) => node.text)));
    assert.deepEqual(KEYS.filter((key) => !MADE.test(key) && !strings.has(key)), []);
});

test("no word of the page's own stands in a component", () => {
    const words = sources("src").flatMap((file) =>
        nodesOf(file)
            .filter(ts.isJsxText)
            .map((node) => node.text.trim())
            .filter((said) => /[a-z]{2}/i.test(said) && !/^(systemctl|standfast) /.test(said)),
    );
    assert.deepEqual(words, []);
});

test("Cockpit's choice of a language comes before the browser's", () => {
    assert.equal(textIn(wantedLanguage("a=b; CockpitLang=zh-cn", "en-GB")).language, "zh-CN");
    assert.equal(textIn(wantedLanguage("CockpitLang=en-us", "zh-CN")).language, "en");
    assert.equal(textIn(wantedLanguage("", "zh_TW")).language, "zh-CN");
    assert.equal(textIn(wantedLanguage("", "de")).language, "en");
});

test("ages and words are said in the language, and what is not known is shown as it came", () => {
    const now = Date.parse("2026-01-01T01:00:00Z");
    assert.equal(ago(textIn("en"), "2026-01-01T00:59:30Z", now), "30 seconds ago");
    assert.equal(ago(textIn("zh-cn"), "2025-12-29T00:00:00Z", now), "3天前");
    assert.equal(ago(textIn("en"), "2026-01-01T01:00:09Z", now), "now".replace("now", "0 seconds ago"));
    assert.equal(word(textIn("zh"), "state", "online"), "在线");
    assert.equal(word(textIn("en"), "state", "brand-new"), "brand-new");
});

test("what a key takes and does is said in the language, and as the node says it where that is not known", () => {
    const key = { scope: "cluster", section: "Cluster", key: "DetectWithin", default: "", required: false, types: [] };
    const info = { ...key, kind: "time span, at least 1.1s", meaning: "So long." };
    const [chinese, english] = [textIn("zh-cn"), textIn("en")];
    assert.deepEqual(kindOf(chinese, info), { words: "时间长度，至少 1.1s", language: "zh-CN" });
    assert.equal(kindOf(chinese, { ...info, kind: "number, -1000 to 1000" }).words, "数字，-1000 到 1000");
    assert.equal(kindOf(chinese, { ...info, kind: "stop or freeze" }).words, "stop 或 freeze");
    assert.match(meaningOf(chinese, info).words, /^节点沉默之后.*。$/);
    assert.deepEqual([kindOf(english, info).words, meaningOf(english, info).words], [info.kind, info.meaning]);
    const other = { ...info, key: "Newer", kind: "a brand-new thing" };
    assert.deepEqual([kindOf(chinese, other), meaningOf(chinese, other)].map((said) => [said.words, said.language]), [
        [other.kind, "en"],
        [other.meaning, "en"],
    ]);
});

test("it is dark when Cockpit says so, or where that leaves it to the browser", () => {
    const made = [null, "auto", "dark", "light"].map((choice) => [isDark(choice, false), isDark(choice, true)]);
    assert.deepEqual(made, [[false, true], [false, true], [true, true], [false, false]]);
});
