// What the four daemons of this node tell, and what of it needs a person; whoever shows it is told when it changes.

import type { Client, Refusal } from "../cockpit";
import type { Methods } from "../interfaces";
import { AGAIN_MS, Daemon, type DaemonName, DAEMONS, type Later, type State } from "./daemon";
import type { Explain, Explanation } from "./explanation";
import { ROOT } from "./objects";
import { isOlder } from "./refusals";

const GROUPS = "org.standfast.Groups";
const EXPLAINED_MS = 60_000; // of a large cluster
const SOON_MS = 5; // a change brings several signals
const APART_MS = 50; // at least so long between two changes that are shown

/** Sentences of the core, and whether something is not served or would not be; null: it was not asked yet, or cannot be;
 * "older": this node's resourced does not know the question. */
export type Attention = readonly (readonly [urgent: boolean, text: string])[] | null | "older";

export interface Snapshot {
    readonly daemons: Readonly<Record<DaemonName, State>>;
    readonly attention: Attention;
    readonly heardAt: number; // when a daemon last told something, milliseconds
}

export class Store {
    private current: Snapshot;
    private readonly daemons: readonly Daemon[];
    private readonly resourced: Daemon;
    private readonly listeners = new Set<() => void>();
    private due = false;
    private shownAt = 0;
    private asking = false;
    private askAgain = false;

    constructor(
        open: (name: DaemonName) => Client,
        private readonly later: Later = timer,
        private readonly now: () => number = Date.now,
    ) {
        const names = Object.keys(DAEMONS) as DaemonName[];
        this.daemons = names.map((name) => new Daemon(name, open, later, () => this.changed()));
        this.resourced = this.daemons.find((one) => one.name === GROUPS) as Daemon;
        this.current = { daemons: this.states(), attention: null, heardAt: now() };
    }

    readonly subscribe = (listener: () => void): (() => void) => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    };

    readonly explain: Explain = async (name) => {
        const [document] = await this.resourced.ask(ROOT, `${GROUPS}1`, "Explain", [name], EXPLAINED_MS);
        return (JSON.parse(document) as { explanations: readonly Explanation[] }).explanations;
    };

    /** What resourced answers to one of its own methods. Rejected with a Refusal. */
    async asked<Method extends keyof Methods["org.standfast.Groups1"] & string>(
        method: Method,
        values: Methods["org.standfast.Groups1"][Method]["takes"],
        timeout: number,
    ): Promise<Methods["org.standfast.Groups1"][Method]["gives"]> {
        const found: unknown = await this.resourced.ask(ROOT, `${GROUPS}1`, method, values as never, timeout);
        return found as Methods["org.standfast.Groups1"][Method]["gives"];
    }

    readonly snapshot = (): Snapshot => this.current;

    private states(): Record<DaemonName, State> {
        return Object.fromEntries(this.daemons.map((one) => [one.name, one.state])) as Record<DaemonName, State>;
    }

    private changed(): void {
        if (this.due) return;
        this.due = true;
        const wait = Math.min(Math.max(SOON_MS, this.shownAt + APART_MS - this.now()), APART_MS);
        this.later(() => {
            this.due = false;
            this.shownAt = this.now();
            const daemons = this.states();
            const cut = Object.values(daemons).every((one) => one.presence === "cut");
            this.become({ ...this.current, daemons, heardAt: cut ? this.current.heardAt : this.now() });
            void this.ask();
        }, wait);
    }

    /** What needs a person is asked anew after every change, once at a time. */
    private async ask(): Promise<void> {
        if (this.current.daemons[GROUPS].presence !== "running") {
            this.become({ ...this.current, attention: null });
            return;
        }
        if (this.asking) {
            this.askAgain = true;
            return;
        }
        this.asking = true;
        this.askAgain = false;
        const attention = await this.answer();
        this.asking = false;
        if (JSON.stringify(attention) !== JSON.stringify(this.current.attention)) this.become({ ...this.current, attention });
        if (this.askAgain) void this.ask();
        else if (attention === null) this.later(() => void this.ask(), AGAIN_MS);
    }

    private async answer(): Promise<Attention> {
        try {
            const [sentences] = await this.resourced.ask(ROOT, `${GROUPS}1`, "Attention", []);
            return sentences;
        } catch (error) {
            return isOlder(error as Refusal) ? "older" : null;
        }
    }

    private become(snapshot: Snapshot): void {
        this.current = snapshot;
        for (const listener of this.listeners) listener();
    }
}

export function timer(what: () => void, ms: number): () => void {
    const handle = setTimeout(what, ms);
    return () => clearTimeout(handle);
}
