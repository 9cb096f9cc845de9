// What `standfast timeline --json` tells of an incident, and its steps as bars one behind the other.

export interface Step {
    step: string; // cause, detected, decided, fenced, stopped, started, good
    time: string;
    ms: number; // since the step before
    node: string | null;
    event: string;
    text: string;
}

export interface Entry {
    time: string;
    ms: number; // since the incident's first entry
    node: string | null; // that it is about
    journal: string | null; // of the node that wrote it
    event: string;
    group: string | null;
    resource: string | null;
    text: string;
}

export interface Incident {
    losses: readonly string[];
    groups: readonly string[];
    begun: string;
    ms: number; // of all steps
    slowest: string | null;
    steps: readonly Step[];
    entries: readonly Entry[];
}

/** Of each node of the cluster: whether its journal was read, and if not, why. */
export interface Journal {
    name: string;
    answered: boolean;
    text: string;
}

export interface History {
    node: string; // who answered
    nodes: readonly Journal[];
    incidents: readonly Incident[]; // the oldest first
}

export interface Bar {
    step: Step;
    startMs: number;
    slowest: boolean;
}

/** One for each step after the cause, each begins where the one before ended. */
export function barsOf({ steps, slowest }: Incident): Bar[] {
    let startMs = 0;
    return steps.slice(1).map((step) => {
        const bar = { step, startMs, slowest: step.step === slowest };
        startMs += step.ms;
        return bar;
    });
}

/** What it is named by in an address: it stays while more becomes known. */
export function nameOf(incident: Incident): string {
    return incident.entries[0]?.time ?? incident.begun;
}

/** The one of this name, or the one that it became a part of; without a name the last one. */
export function named(incidents: readonly Incident[], name: string): Incident | undefined {
    if (!name) return incidents.at(-1);
    return (
        incidents.find((one) => nameOf(one) === name) ??
        incidents.find((one) => nameOf(one) <= name && name <= (one.entries.at(-1)?.time ?? ""))
    );
}

/** Who was there: each node whose journal tells of it, or that it tells of. */
export function nodesOf(incident: Incident): string[] {
    return [...new Set(incident.entries.flatMap(({ node, journal }) => [node, journal]))].filter((one) => one !== null).sort();
}

export function concerns(entry: Entry, node: string): boolean {
    return entry.node === node || entry.journal === node;
}

/** In one sentence: what began it. */
export function sentenceOf(incident: Incident): string {
    return incident.steps[0]?.text ?? incident.entries[0]?.text ?? "";
}
