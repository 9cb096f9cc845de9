// What is done with a configuration: planned, pushed, rolled back, grown by a node; and how that goes.

import { type Console, type Problem, problemOf } from "../cluster/console";
import { Followed } from "../cluster/followed";
import type { Files, Found } from "./form";

export const LONG_MS = 900_000; // a push waits for every node that is there

export type Call = "Plan" | "Push" | "Rollback" | "AddNode";

export interface Row {
    name: string;
    kind: string;
    reason: string;
    setting: string;
    source: string;
    target: string;
    resources: readonly string[];
    interruption_ms: number | null;
    measured: string;
}

export interface Plan {
    changed: boolean;
    nodes: readonly string[];
    groups: readonly Row[];
    changes: readonly { about: string; subject: string; kind: string; reason: string; setting: string }[];
    leaving: readonly string[];
    difference: string;
    problems: readonly Found[];
}

export interface Going {
    readonly running: Call | null;
    readonly sentence: string; // how it goes, as it was told last
    readonly plan: { readonly files: Files; readonly plan: Plan } | null; // of these files
    readonly done: { readonly call: Call; readonly version: number } | null;
    readonly failed: { readonly call: Call; readonly problem: Problem } | null;
}

const IDLE: Going = { running: null, sentence: "", plan: null, done: null, failed: null };

export interface NewNode {
    name: string;
    addresses: readonly string[];
    host: string;
    fence: readonly string[];
    unsafe: boolean;
}

export class Pushing extends Followed<Going> {
    constructor(private readonly console: Console) {
        super(IDLE);
        console.hear("Progress", ([call, sentence]) => {
            if (call === this.state().running) this.become({ ...this.state(), sentence: String(sentence) });
        });
    }

    async plan(files: Files): Promise<void> {
        this.become({ ...this.state(), plan: null });
        await this.run("Plan", async () => {
            const [document] = await this.console.ask("Plan", [files], LONG_MS);
            const plan = JSON.parse(document) as Partial<Plan>;
            this.become({ ...this.state(), plan: { files, plan: { ...UNKNOWN, ...plan } } });
        });
    }

    /** What a way back to this version would do. */
    async planBack(version: number): Promise<void> {
        this.become({ ...this.state(), plan: null });
        let files: Files | null = null;
        await this.run("Plan", async () => {
            [files] = await this.console.ask("Version", [version]);
        });
        if (files !== null) await this.plan(files);
    }

    /** True: it is in force. */
    async push(base: string, files: Files, without: readonly string[], why: string, withinS: number): Promise<boolean> {
        return this.run("Push", async () => {
            const [version] = await this.console.ask("Push", [base, { ...files }, [...without], why, withinS], LONG_MS);
            this.become({ ...this.state(), plan: null, done: { call: "Push", version } });
        });
    }

    /** 0: to what the version in force was made from. */
    async rollBack(version: number, why: string, withinS: number): Promise<boolean> {
        return this.run("Rollback", async () => {
            const [number] = await this.console.ask("Rollback", [version, why, withinS], LONG_MS);
            this.become({ ...this.state(), plan: null, done: { call: "Rollback", version: number } });
        });
    }

    async addNode({ name, addresses, host, fence, unsafe }: NewNode): Promise<boolean> {
        return this.run("AddNode", async () => {
            const [version] = await this.console.ask("AddNode", [name, [...addresses], host, [...fence], unsafe], LONG_MS);
            this.become({ ...this.state(), done: { call: "AddNode", version } });
        });
    }

    readonly forget = (): void => this.become({ ...this.state(), plan: null, done: null, failed: null });

    private async run(call: Call, what: () => Promise<void>): Promise<boolean> {
        if (this.state().running !== null) return false;
        this.become({ ...this.state(), running: call, sentence: "", done: null, failed: null });
        try {
            await what();
            return true;
        } catch (error) {
            this.become({ ...this.state(), failed: { call, problem: problemOf(error) } });
            return false;
        } finally {
            this.become({ ...this.state(), running: null });
        }
    }
}

const UNKNOWN: Plan = { changed: true, nodes: [], groups: [], changes: [], leaving: [], difference: "", problems: [] };
