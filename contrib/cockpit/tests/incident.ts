// Incidents as the journals tell them: a node's power was cut, and before that an operator moved the group.

import type { Entry, History, Incident, Step } from "../src/understand/incident";

const DAY = "2026-01-01T00:";
export const at = (time: string): string => `${DAY}${time}Z`;

function step(name: string, time: string, ms: number, node: string, text: string): Step {
    return { step: name, time: at(time), ms, node, event: name, text };
}

function entry(time: string, ms: number, journal: string, node: string | null, text: string, group: string | null = null): Entry {
    return { time: at(time), ms, node, journal, event: "told", group, resource: null, text };
}

export function powerCut(): Incident {
    return {
        losses: ["8.1"],
        groups: ["webserv"],
        begun: at("03:00.000"),
        ms: 4321,
        slowest: "detected",
        steps: [
            step("cause", "03:00.000", 0, "node1", "node1 was heard for the last time"),
            step("detected", "03:02.100", 2100, "node2", "node1 is missing"),
            step("decided", "03:02.121", 21, "node2", "node1 is lost: 8.1"),
            step("fenced", "03:03.321", 1200, "node1", "node1 is off, proven by bmc-node1"),
            step("started", "03:04.021", 700, "node3", "webserv is active"),
            step("good", "03:04.321", 300, "node3", "webserv serves"),
        ],
        entries: [
            entry("03:02.100", 0, "node2", "node1", "node1 is missing"),
            entry("03:02.105", 5, "node3", "node1", "node1 is missing here too"),
            entry("03:03.321", 1221, "node2", "node1", "node1 is off, proven by bmc-node1"),
            entry("03:04.321", 2221, "node3", "node3", "webserv serves", "webserv"),
        ],
    };
}

export function moved(): Incident {
    return {
        losses: [],
        groups: ["webserv", "db"],
        begun: at("01:00.000"),
        ms: 0,
        slowest: null,
        steps: [],
        entries: [entry("01:00.000", 0, "node1", null, "an operator wants webserv on node1", "webserv")],
    };
}

export function history(...incidents: Incident[]): History {
    const nodes = ["node1", "node2", "node3"].map((name) => ({ name, answered: true, text: "" }));
    return { node: "node2", nodes, incidents };
}
