// The console's own service: it is started when it is asked and ends when nobody asks it any more. Its answers are
// whole documents; what goes on meanwhile it tells by a signal.

import type { Client, Refusal, Signal } from "../cockpit";
import type { Methods, Properties } from "../interfaces";
import { PROPERTIES } from "./objects";

export const CONSOLE = "org.standfast.Console";
export const CONSOLE_PATH = "/org/standfast/Console";
const INTERFACE = "org.standfast.Console1";
const ANSWER_MS = 60_000;

type Known = Methods["org.standfast.Console1"];
type Takes<Name extends keyof Known> = Known[Name]["takes"];
type Gives<Name extends keyof Known> = Known[Name]["gives"];
export type ConsoleMethod = keyof Known & string;

export interface Console {
    /** What it answers. Rejected with a Refusal. */
    ask<Name extends ConsoleMethod>(method: Name, values: Takes<Name>, timeout?: number): Promise<Gives<Name>>;
    /** What it publishes. Rejected with a Refusal. */
    property(name: keyof Properties["org.standfast.Console1"] & string): Promise<unknown>;
    /** Whatever it signals from now on, until the answer is called. */
    hear(member: string, told: (values: readonly unknown[]) => void): () => void;
}

export function consoleOver(open: () => Client): Console {
    let client: Client | null = null;
    const listeners = new Map<string, Set<(values: readonly unknown[]) => void>>();
    const opened = (): Client => {
        if (client !== null) return client;
        const made = open();
        client = made;
        made.addEventListener("close", () => {
            if (client === made) client = null; // the next question opens another one
        });
        made.subscribe({ interface: INTERFACE, path: CONSOLE_PATH }, (...[, , member, values]: Signal) => {
            if (client === made) for (const told of listeners.get(member) ?? []) told(values);
        });
        return made;
    };
    return {
        async ask(method, values, timeout = ANSWER_MS) {
            const found = await opened().call(CONSOLE_PATH, INTERFACE, method, values, { timeout });
            return found as Gives<typeof method>;
        },
        async property(name) {
            const [found] = await opened().call(CONSOLE_PATH, PROPERTIES, "Get", [INTERFACE, name], { timeout: ANSWER_MS });
            return (found as { v: unknown }).v;
        },
        hear(member, told) {
            const all = listeners.get(member) ?? new Set();
            listeners.set(member, all.add(told));
            return () => void all.delete(told);
        },
    };
}

const MISSING = [
    "org.freedesktop.DBus.Error.ServiceUnknown",
    "org.freedesktop.DBus.Error.UnknownMethod",
    "org.freedesktop.DBus.Error.UnknownInterface",
];
const AWAY = ["disconnected", "terminated", "no-host", "no-cockpit", "timeout"];

/** Why it did not answer. "older": this node's Standfast is from before this page; "cut": there is no way to it. */
export interface Problem {
    kind: "older" | "cut" | "refused";
    sentence: string;
}

export function problemOf(error: unknown): Problem {
    const { name = "", problem = "", message = "" } = (error ?? {}) as Refusal;
    if (MISSING.includes(name) || problem === "not-found") return { kind: "older", sentence: message };
    if (!name && AWAY.includes(problem)) return { kind: "cut", sentence: problem };
    return { kind: "refused", sentence: message || problem || name || String(error) };
}
