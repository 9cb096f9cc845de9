// What somebody can do here: each a word of Groups1.SimulateWish or a question of its own, and the call that does it.

import { ROOT } from "../cluster/objects";
import { ACTIONS } from "../interfaces";

export type OfGroup = "start" | "stop" | "relocate" | "restart" | "enable" | "disable" | "freeze" | "thaw";
export type OfNode = "standby" | "resume" | "fence" | "confirm";
export type OfCluster = "maintenance" | "normal" | "keep" | "take-back";
export type Verb = OfGroup | OfNode | OfCluster | "drill";
export type DrillKind = "kill" | "hang" | "power" | "cut";
export const OBJECTIONS = ["link", "address", "device"] as const;

export interface Deed {
    verb: Verb;
    subject: string; // a group, all copies of one, or a node; "" = the cluster
    of: "group" | "copies" | "node" | "cluster";
    path: string;
    key: string; // of the button that it was begun with, which gets the focus back
}

/** What is chosen in the dialog. */
export interface Choice {
    node: string; // where to, "" = as the plan finds
    drill: DrillKind;
    again: boolean; // a drill although the last one was a moment ago
    vouched: boolean; // somebody has seen that the node is off
    although: readonly string[];
}

export interface Call {
    path: string;
    interface: string;
    method: string;
    values: readonly unknown[];
}

const METHODS: Partial<Record<Verb, string>> = {
    start: "Start",
    stop: "Stop",
    relocate: "Relocate",
    restart: "Restart",
    enable: "Enable",
    disable: "Disable",
    freeze: "Freeze",
    thaw: "Thaw",
};
const DANGEROUS: readonly Verb[] = ["stop", "disable", "fence", "confirm", "drill", "take-back"];
const MOST: Choice = { node: "", drill: "kill", again: false, vouched: false, although: [] };

export function firstChoice({ of }: Deed): Choice {
    return { ...MOST, drill: of === "node" ? "power" : "kill" };
}

export function isDangerous({ verb }: Deed): boolean {
    return DANGEROUS.includes(verb);
}

/** `loss`: the number of the one that is confirmed. */
export function callOf(deed: Deed, choice: Choice, loss: string): Call {
    const cluster = (method: string, ...values: readonly unknown[]): Call => ({
        path: ROOT,
        interface: "org.standfast.Groups1",
        method,
        values,
    });
    switch (deed.verb) {
        case "standby":
        case "resume":
            return cluster("SetStandby", deed.subject, deed.verb === "standby");
        case "maintenance":
        case "normal":
            return cluster("SetMaintenance", deed.verb === "maintenance");
        case "fence":
            return cluster("FenceNow", deed.subject);
        case "confirm":
            return cluster("Confirm", deed.subject, loss, choice.although);
        case "drill":
            return cluster("Drill", choice.drill, deed.subject, choice.again);
        case "keep":
            return cluster("KeepConfiguration");
        case "take-back":
            return cluster("TakeBackConfiguration");
        default:
            return ofGroup(deed, choice);
    }
}

function ofGroup(deed: Deed, choice: Choice): Call {
    const toNode = deed.of === "group" && (deed.verb === "start" || deed.verb === "relocate");
    return {
        path: deed.path,
        interface: deed.of === "copies" ? "org.standfast.Copies1" : "org.standfast.Group1",
        method: METHODS[deed.verb] ?? "",
        values: toNode ? [choice.node] : [],
    };
}

/** polkit's action that this needs, "" = none. */
export function actionOf(call: Call): string {
    return (ACTIONS as Readonly<Record<string, string>>)[`${call.interface}.${call.method}`] ?? "";
}
