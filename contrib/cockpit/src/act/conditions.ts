// Whether what the core named as the end has come, from what it publishes.

import type { Objects } from "../cluster/objects";
import type { Condition, Way } from "./foresight";

/** One of the ways holds; `before`: the objects as they were when it was asked for. */
export function holds(ways: readonly Way[], now: Objects, before: Objects): boolean {
    return ways.some((way) => way.every((condition) => isSo(condition, now, before)));
}

function isSo(condition: Condition, now: Objects, before: Objects): boolean {
    const { path, interface: name, property, test, value } = condition;
    const found = now[path]?.[name]?.[property];
    if (found === undefined) return false;
    switch (test) {
        case "is":
            return same(found, value);
        case "is-not":
            return !same(found, value);
        case "has":
            return (found as readonly unknown[]).includes(value);
        case "lacks":
            return !(found as readonly unknown[]).includes(value);
        case "changed":
            return !same(found, before[path]?.[name]?.[property]);
    }
}

function same(one: unknown, other: unknown): boolean {
    return JSON.stringify(one) === JSON.stringify(other);
}
