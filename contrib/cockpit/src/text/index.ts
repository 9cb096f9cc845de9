// The page's words in the language of whoever looks.

import { createContext, useContext } from "react";

import { en, type Key } from "./en";
import { zh } from "./zh";

export type { Key } from "./en";

export interface Text {
    readonly language: "en" | "zh-CN";
    (key: Key, values?: Readonly<Record<string, string | number>>): string;
}

/** `wanted`: a language tag as browsers and Cockpit write it. */
export function textIn(wanted: string): Text {
    const chinese = /^zh\b/i.test(wanted.replace("_", "-"));
    const words: Record<Key, string> = chinese ? zh : en;
    const text = (key: Key, values: Readonly<Record<string, string | number>> = {}): string =>
        words[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
    return Object.assign(text, { language: chinese ? ("zh-CN" as const) : ("en" as const) });
}

/** Cockpit's choice, a cookie, before the browser's. */
export function wantedLanguage(cookies: string, browser: string): string {
    return /(?:^|;\s*)CockpitLang=([^;]+)/.exec(cookies)?.[1] ?? browser;
}

/** A word of the daemons, such as a state; one that this page does not know is shown as it is. */
export function word(text: Text, kind: "state" | "flag" | "step" | "kind", value: string): string {
    const key = `${kind}-${value}`;
    return key in en ? text(key as Key) : value;
}

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number, number][] = [
    ["second", 1, 120],
    ["minute", 60, 7200],
    ["hour", 3600, 172_800],
    ["day", 86_400, Infinity],
];

/** How long ago that was, as people say it. */
export function ago(text: Text, when: string | number, now: number): string {
    const seconds = Math.max(0, Math.round((now - new Date(when).getTime()) / 1000));
    const [unit, size] = UNITS.find(([, , following]) => seconds < following) ?? UNITS[3]!;
    return new Intl.RelativeTimeFormat(text.language).format(-Math.floor(seconds / size), unit);
}

export function clock(text: Text, when: number): string {
    return new Intl.DateTimeFormat(text.language, { dateStyle: "medium", timeStyle: "medium" }).format(when);
}

/** To the millisecond, without the day. */
export function timeOfDay(text: Text, when: string): string {
    const parts = { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3, hourCycle: "h23" } as const;
    return new Intl.DateTimeFormat(text.language, parts).format(new Date(when));
}

/** A number as people read it. */
export function count(text: Text, value: number): string {
    return new Intl.NumberFormat(text.language).format(value);
}

/** One after the other; full-width punctuation has its space in it. */
export function sentences(text: Text, ...said: readonly string[]): string {
    return said.join(text.language === "zh-CN" ? "" : " ");
}

export const TextContext = createContext<Text>(textIn("en"));
export const NowContext = createContext<number>(0);

export function useText(): Text {
    return useContext(TextContext);
}

/** "5 minutes ago" of a time. */
export function useAgo(): (when: string | number) => string {
    const text = useContext(TextContext);
    const now = useContext(NowContext);
    return (when) => ago(text, when, now);
}
