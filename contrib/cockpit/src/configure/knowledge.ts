// What forms offer to choose from: keys, units, fence agents and what those say of themselves. Each is asked once.

import type { Console } from "../cluster/console";
import { Followed } from "../cluster/followed";
import type { Agent, KeyInfo } from "./form";

export interface Known {
    readonly keys: readonly KeyInfo[];
    readonly units: readonly (readonly [name: string, description: string, state: string])[];
    readonly agents: readonly string[];
    readonly agent: Readonly<Record<string, Agent | null>>; // null: it could not be asked
}

export class Knowledge extends Followed<Known> {
    private readonly asked = new Set<string>();

    constructor(private readonly console: Console) {
        super({ keys: [], units: [], agents: [], agent: {} });
    }

    needKeys(): void {
        this.once("keys", async () => {
            const [document] = await this.console.ask("Keys", []);
            this.become({ ...this.state(), keys: JSON.parse(document) as KeyInfo[] });
        });
    }

    needUnits(): void {
        this.once("units", async () => {
            const [units] = await this.console.ask("Units", []);
            this.become({ ...this.state(), units });
        });
    }

    needAgents(): void {
        this.once("agents", async () => {
            const [agents] = await this.console.ask("Agents", []);
            this.become({ ...this.state(), agents });
        });
    }

    needAgent(name: string): void {
        this.once(`agent ${name}`, async () => {
            try {
                const [document] = await this.console.ask("Agent", [name]);
                this.become({ ...this.state(), agent: { ...this.state().agent, [name]: JSON.parse(document) as Agent } });
            } catch (error) {
                this.become({ ...this.state(), agent: { ...this.state().agent, [name]: null } });
                throw error;
            }
        });
    }

    /** What could not be asked is asked again the next time: the form shows what it has until then. */
    private once(what: string, ask: () => Promise<void>): void {
        if (this.asked.has(what)) return;
        this.asked.add(what);
        ask().catch(() => this.asked.delete(what));
    }
}
