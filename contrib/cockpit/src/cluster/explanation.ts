// What resourced answers when it is asked why something is as it is: dbus/org.standfast.Groups.xml says what is in it.

export interface Reason {
    text: string;
    setting: string; // FILE:LINE below /etc/standfast, "" = none
}

export interface Named {
    name: string;
    reasons: readonly Reason[];
}

export interface Explanation {
    kind: "group" | "copies" | "node";
    name: string;
    answer: string;
    why: readonly Reason[]; // the first one is in the answer
    passed: readonly Reason[];
    more: readonly Named[];
    others: readonly Named[];
    by_itself: readonly Reason[];
    ways: readonly { command: string; on: string | null; text: string }[];
    if_node_dies: readonly { node: string; outcomes: readonly Named[] }[];
}

/** What is known of a name. Rejected with a Refusal. */
export type Explain = (name: string) => Promise<readonly Explanation[]>;
