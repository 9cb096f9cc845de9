// One deed from the question what it would do to its end: foreseen, called, followed by what the daemons signal.

import type { Client, Refusal } from "../cockpit";
import type { DaemonName } from "../cluster/daemon";
import { having, type Objects, root, ROOT } from "../cluster/objects";
import { isOlder } from "../cluster/refusals";
import type { Snapshot } from "../cluster/store";
import { holds } from "./conditions";
import { actionOf, type Call, callOf, type Choice, type Deed, firstChoice } from "./deeds";
import type { Foresight } from "./foresight";

/** asking: what it would do; refused: the core would not do it; foreseen: somebody may say yes; calling; failed: it was
 * asked for and is not done; under-way; done; otherwise: it rests in another state than the foreseen one. */
export type Stage = "asking" | "refused" | "foreseen" | "calling" | "failed" | "under-way" | "done" | "otherwise";

export interface Scene {
    stage: Stage;
    choice: Choice;
    foresight: Foresight | null; // null: not known, or an older daemon does not say
    missing: string; // why this user would be refused, "" = he would not, or nobody knows
    problem: Refusal | null; // with refused and failed; with under-way: nobody knows whether it was heard
    begun: number; // milliseconds
    ended: number;
}

/** What a flow needs of the store. */
export interface Watched {
    readonly snapshot: () => Snapshot;
    readonly subscribe: (listener: () => void) => () => void;
    readonly foresee: (deed: Deed, choice: Choice) => Promise<Foresight>;
}

const GROUPS = "org.standfast.Groups";
const ANSWER_MS = 60_000; // a confirmation asks addresses and devices first
const REFUSED = "org.standfast.Error.Refused";
const UNHEARD = [
    "org.standfast.Error.OutcomeUnknown",
    "org.freedesktop.DBus.Error.NoReply",
    "org.freedesktop.DBus.Error.Disconnected",
];
const NOT_SENT = ["access-denied", "not-found"]; // of Cockpit's own words for what went wrong

export class Flow {
    scene: Scene;
    private readonly client: Client;
    private readonly listeners = new Set<() => void>();
    private readonly leave: () => void;
    private asked = 0; // which answer counts
    private seen: string;
    private before: Objects = {};

    constructor(
        readonly deed: Deed,
        private readonly store: Watched,
        open: (name: DaemonName) => Client,
        private readonly now: () => number = Date.now,
    ) {
        this.client = open(GROUPS);
        const choice = firstChoice(deed);
        this.scene = { stage: "asking", choice, foresight: null, missing: "", problem: null, begun: 0, ended: 0 };
        this.seen = stateOf(this.objects());
        this.leave = store.subscribe(() => this.look());
        void this.ask();
    }

    readonly subscribe = (listener: () => void): (() => void) => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    };

    readonly snapshot = (): Scene => this.scene;

    /** Nobody looks any more. What was asked for goes on. */
    close(): void {
        this.asked += 1;
        this.leave();
        this.client.close();
    }

    choose(choice: Partial<Choice>): void {
        const before = this.scene.choice;
        const { node, drill, again } = { ...before, ...choice };
        const isOther = node !== before.node || drill !== before.drill || again !== before.again;
        this.become({ choice: { ...before, ...choice }, ...(isOther ? { stage: "asking" as const } : {}) });
        if (isOther) void this.ask();
    }

    /** It is asked for now. */
    async carryOut(): Promise<void> {
        this.asked += 1;
        this.before = this.objects();
        this.become({ stage: "calling", problem: null, begun: this.now() });
        try {
            await this.call(this.wanted());
            this.become({ stage: "under-way" });
        } catch (error) {
            const problem = error as Refusal;
            this.become({ stage: isUnheard(problem) ? "under-way" : "failed", problem });
        }
        this.look();
    }

    private wanted(): Call {
        const losses = root(this.objects(), "org.standfast.Groups1").Losses ?? [];
        const [waiting = ""] = losses.find(([, node]) => node === this.deed.subject) ?? [];
        return callOf(this.deed, this.scene.choice, this.scene.foresight?.loss ?? waiting);
    }

    private async call({ path, interface: name, method, values }: Call): Promise<readonly unknown[]> {
        return await this.client.call(path, name, method, values, { timeout: ANSWER_MS });
    }

    /** What it would do, and whether this user may. */
    private async ask(): Promise<void> {
        const asked = (this.asked += 1);
        const [foresight, missing] = await Promise.allSettled([
            this.store.foresee(this.deed, this.scene.choice),
            this.call({ path: ROOT, interface: `${GROUPS}1`, method: "MissingRights", values: [] }),
        ]);
        if (asked !== this.asked) return;
        const rights = missing.status === "fulfilled" ? (missing.value[0] as Record<string, string>) : {};
        const lacks = { missing: rights[actionOf(this.wanted())] ?? "" };
        if (foresight.status === "fulfilled") {
            const { refused } = foresight.value;
            const problem = refused ? { name: REFUSED, message: refused } : null;
            this.become({ stage: refused ? "refused" : "foreseen", foresight: foresight.value, problem, ...lacks });
        } else {
            const problem = foresight.reason as Refusal;
            const older = isOlder(problem);
            this.become({ stage: older ? "foreseen" : "refused", foresight: null, problem: older ? null : problem, ...lacks });
        }
    }

    /** Something changed: what would happen may be something else now, or the end has come. */
    private look(): void {
        const { stage } = this.scene;
        const seen = stateOf(this.objects());
        const changed = seen !== this.seen;
        this.seen = seen;
        if (stage === "asking" || stage === "refused" || stage === "foreseen") {
            if (changed) void this.ask();
        } else if (stage === "under-way") {
            const end = this.end();
            if (end !== null) this.become({ stage: end, ended: this.now(), problem: null });
            else this.tell();
        }
    }

    private end(): "done" | "otherwise" | null {
        const { daemons } = this.store.snapshot();
        const { foresight, problem } = this.scene;
        if (daemons[GROUPS].presence !== "running") return null;
        if (foresight === null || foresight.done.length === 0) return problem === null ? "done" : null;
        const [now, before] = [this.objects(), this.before];
        if (holds(foresight.done, now, before)) return "done";
        return holds(foresight.otherwise, now, before) ? "otherwise" : null;
    }

    private objects(): Objects {
        return this.store.snapshot().daemons[GROUPS].objects;
    }

    private become(change: Partial<Scene>): void {
        this.scene = { ...this.scene, ...change };
        this.tell();
    }

    private tell(): void {
        for (const listener of this.listeners) listener();
    }
}

/** It may have come to the cluster, or not. */
function isUnheard({ name, problem }: Refusal): boolean {
    return name ? UNHEARD.includes(name) : !NOT_SENT.includes(problem ?? "");
}

/** What a plan depends on, as far as it is told. */
function stateOf(objects: Objects): string {
    const groups = having(objects, "org.standfast.Group1").map(([, { Name, Phase, Owner, Flags }]) => [Name, Phase, Owner, Flags]);
    const nodes = having(objects, "org.standfast.Member1").map(([, { Name, State, Standby, Healthy }]) => [Name, State, Standby, Healthy]);
    const { Term, Maintenance, Configuration } = root(objects, "org.standfast.Groups1");
    return JSON.stringify([groups, nodes, Term, Maintenance, Configuration]);
}
