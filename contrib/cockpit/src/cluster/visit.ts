// What is otherwise than when somebody last looked at this cluster in this browser.

import type { View } from "./view";

export interface Seen {
    at: number; // milliseconds
    nodes: Record<string, string>; // state
    groups: Record<string, { phase: string; owner: string }>;
    version: number; // of the configuration
}

export type Change =
    | { kind: "node"; name: string; before: string; after: string }
    | { kind: "group"; name: string; before: string; after: string; from: string; to: string }
    | { kind: "new" | "gone"; what: "node" | "group"; name: string }
    | { kind: "version"; before: number; after: number };

/** What there is to remember; null: too little is known to compare with it. */
export function seenIn(view: View, at: number): Seen | null {
    if (view.groups === null || view.nodes.some((node) => node.state === null)) return null;
    return {
        at,
        nodes: Object.fromEntries(view.nodes.map((node) => [node.name, node.state ?? ""])),
        groups: Object.fromEntries(view.groups.map((one) => [one.name, { phase: one.phase, owner: one.owner }])),
        version: view.version,
    };
}

export function changes(before: Seen, now: Seen): Change[] {
    return [...versions(before, now), ...nodes(before, now), ...groups(before, now)];
}

function versions(before: Seen, now: Seen): Change[] {
    return before.version === now.version
        ? []
        : [{ kind: "version", before: before.version, after: now.version }];
}

function nodes(before: Seen, now: Seen): Change[] {
    const changed = Object.entries(now.nodes).flatMap(([name, after]): Change[] => {
        const was = before.nodes[name];
        return was === undefined || was === after ? [] : [{ kind: "node", name, before: was, after }];
    });
    return [...changed, ...comings("node", before.nodes, now.nodes)];
}

function groups(before: Seen, now: Seen): Change[] {
    const changed = Object.entries(now.groups).flatMap(([name, after]): Change[] => {
        const was = before.groups[name];
        if (was === undefined || (was.phase === after.phase && was.owner === after.owner)) return [];
        return [{ kind: "group", name, before: was.phase, after: after.phase, from: was.owner, to: after.owner }];
    });
    return [...changed, ...comings("group", before.groups, now.groups)];
}

function comings(what: "node" | "group", before: Record<string, unknown>, now: Record<string, unknown>): Change[] {
    const came = Object.keys(now).filter((name) => !(name in before));
    const went = Object.keys(before).filter((name) => !(name in now));
    return [
        ...came.map((name): Change => ({ kind: "new", what, name })),
        ...went.map((name): Change => ({ kind: "gone", what, name })),
    ];
}
