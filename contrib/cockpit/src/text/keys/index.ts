// What a key of the configuration takes and does, in the language of whoever looks.

import type { KeyInfo } from "../../configure/form";
import type { Text } from "..";
import chinese from "./zh.json";

/** `language`: that of the words; what has no translation, such as a newer node's key, is said as the node says it. */
export interface Said {
    words: string;
    language: Text["language"];
}

const KINDS: Readonly<Record<string, string>> = chinese.kinds;
const MEANINGS: Readonly<Record<string, Readonly<Record<string, string>>>> = chinese.meanings;
const NUMBER = /-?\d[\d.]*(?:ms|s)?/g; // "#" stands for each in KINDS
const CHOICES = /^[\w-]+( or [\w-]+)+$/;

export function kindOf(text: Text, { kind }: KeyInfo): Said {
    return said(text, kind, inChinese(kind));
}

export function meaningOf(text: Text, { scope, key, meaning = "" }: KeyInfo): Said {
    return said(text, meaning, MEANINGS[scope]?.[key]);
}

/** "a or b or c" is to be chosen from; what follows a semicolon is said beside it. */
export function choicesOf(kind: string): readonly string[] | null {
    const [first = ""] = kind.split(";");
    return CHOICES.test(first.trim()) ? first.trim().split(" or ") : null;
}

function inChinese(kind: string): string | undefined {
    if (CHOICES.test(kind)) return kind.split(" or ").join(" 或 ");
    const numbers = kind.match(NUMBER) ?? [];
    return KINDS[kind.replace(NUMBER, "#")]?.replace(/#/g, () => numbers.shift() ?? "");
}

function said(text: Text, english: string, translated: string | undefined): Said {
    const known = text.language === "zh-CN" && translated !== undefined;
    return known ? { words: translated, language: "zh-CN" } : { words: english, language: "en" };
}
