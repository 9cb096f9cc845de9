// What the core says would happen, as SimulateWish and ForeseeDrill of dbus/org.standfast.Groups.xml answer.

export interface Reason {
    text: string;
    setting: string;
}

export interface Step {
    at_ms: number;
    kind: string;
    subject: string;
    node: string;
    text: string;
    reasons: readonly Reason[];
}

export interface Effect {
    group: string;
    kind: string; // start, stop, move, restart, restart-part, untouched
    source: string | null;
    target: string | null;
    reason: string;
    interruption_ms: number | null;
    measured: string;
    parts?: Readonly<Record<string, number>>; // milliseconds of a drill's steps, as far as they were measured
}

export interface Condition {
    path: string;
    interface: string;
    property: string;
    test: "is" | "is-not" | "has" | "lacks" | "changed";
    value: unknown;
}

export type Way = readonly Condition[];

export interface Foresight {
    effects: readonly Effect[];
    steps: readonly Step[];
    done: readonly Way[];
    otherwise: readonly Way[];
    node: string; // where the plan would bring it, "" = nobody chose
    loss: string; // that would be confirmed
    fault: string; // of a drill
    refused: string; // why a drill may not begin, "" = it may
}

interface WishDocument {
    wish: { node: string | null; loss: string | null };
    effects: readonly Effect[];
    steps: readonly Step[];
    done: readonly Way[];
    otherwise: readonly Way[];
}

export function ofWish(document: string): Foresight {
    const { wish, effects, steps, done, otherwise } = JSON.parse(document) as WishDocument;
    return { effects, steps, done, otherwise, node: wish.node ?? "", loss: wish.loss ?? "", fault: "", refused: "" };
}

interface DrillDocument {
    fault: string;
    refused: string;
    effects: readonly Effect[];
    steps: readonly Step[];
    done: readonly Way[];
    otherwise: readonly Way[];
    expected: readonly { group: string; steps: Readonly<Record<string, number | null>> }[];
}

export function ofDrill(document: string): Foresight {
    const { fault, refused, effects: told, steps, done, otherwise, expected } = JSON.parse(document) as DrillDocument;
    const effects = told.map((effect): Effect => {
        const parts = Object.entries(expected.find(({ group }) => group === effect.group)?.steps ?? {});
        return { ...effect, parts: Object.fromEntries(parts.filter((part): part is [string, number] => part[1] !== null)) };
    });
    return { effects, steps, done, otherwise, node: "", loss: "", fault, refused };
}
