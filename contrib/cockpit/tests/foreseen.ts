// What resourced says would happen if a group was moved.

import { ROOT } from "../src/cluster/objects";

export const GROUP = "org.standfast.Group1";
export const WEB = `${ROOT}/group/webserv`;
export const MOVE = {
    ...{ group: "webserv", kind: "move", source: "node1", target: "node2", reason: "an operator wants it there" },
    ...{ setting: null, interruption_ms: 2300, measured: "stopped in 300 ms, started in 2 s" },
};

const is = (property: string, value: unknown, test = "is") => ({ path: WEB, interface: GROUP, property, test, value });
export const MOVED = [[is("Phase", "started"), is("Owner", "node2")]];
export const ELSEWHERE = [[is("Phase", "started"), is("Owner", "node2", "is-not"), is("Since", "", "changed")], [is("Phase", "blocked")]];

/** What SimulateWish answers: the group would move to node2. */
export function foreseen(change: Record<string, unknown> = {}): string {
    const steps = [
        { at_ms: 0, kind: "supposed", subject: "webserv", node: "node2", text: "an operator moves webserv to node2", reasons: [] },
        { at_ms: 0, kind: "stop", subject: "webserv", node: "node1", text: "webserv stops", reasons: [] },
    ];
    const wish = { kind: "relocate", subject: "webserv", node: "node2", loss: null };
    return JSON.stringify({ wish, steps, groups: [], effects: [MOVE], done: MOVED, otherwise: ELSEWHERE, ...change });
}
