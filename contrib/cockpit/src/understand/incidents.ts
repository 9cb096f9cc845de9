// The incidents that the journals tell of: read when somebody looks, and again when the cluster changed since.

import { type Console, type Problem, problemOf } from "../cluster/console";
import type { Later } from "../cluster/daemon";
import { Followed } from "../cluster/followed";
import type { Snapshot } from "../cluster/store";
import { viewOf } from "../cluster/view";
import type { History } from "./incident";

export const TOGETHER_MS = 300; // a change brings several entries
export const LATER_MS = 3000; // some are written after what they tell of was signalled

export const FEW = 20;
export const MOST = 100;

export interface Told {
    readonly group: string; // that they are about, "" = all
    readonly number: number; // how many, the last ones
    readonly history: History | null; // null: not read yet
    readonly problem: Problem | null; // why they could not be read the last time
    readonly reading: boolean;
}

const NOTHING: Told = { group: "", number: FEW, history: null, problem: null, reading: false };

export class Incidents extends Followed<Told> {
    private seen = "";
    private turn = 0; // which group's readings count
    private wanted = false; // once more when the one that goes on has ended
    private callOff: (() => void)[] = [];

    constructor(
        private readonly read: (group: string, number: number) => Promise<History>,
        private readonly later: Later,
    ) {
        super(NOTHING);
    }

    /** Somebody looks at this group's incidents, and the cluster is like that now. */
    look(group: string, state: string): void {
        const now = this.state();
        const first = now.history === null && !now.reading && now.problem === null;
        if (group !== now.group || first) {
            this.become({ ...NOTHING, group });
            this.seen = state;
            this.turn += 1;
            this.wanted = false;
            this.readNow();
        } else if (state !== this.seen) {
            this.seen = state;
            this.readSoon();
        }
    }

    /** As somebody wishes: what failed is tried again. */
    readonly readNow = (): void => {
        if (this.state().reading) this.wanted = true;
        else void this.reading(this.turn);
    };

    readonly readMore = (): void => {
        this.become({ ...this.state(), number: Math.min(MOST, this.state().number + FEW) });
        this.readNow();
    };

    private readSoon(): void {
        for (const off of this.callOff) off();
        this.callOff = [TOGETHER_MS, LATER_MS].map((ms) => this.later(this.readNow, ms));
    }

    private async reading(turn: number): Promise<void> {
        const { group, number } = this.state();
        this.become({ ...this.state(), reading: true });
        try {
            const history = await this.read(group, number);
            if (turn === this.turn) this.become({ ...this.state(), history, problem: null, reading: false });
        } catch (error) {
            if (turn === this.turn) this.become({ ...this.state(), problem: problemOf(error), reading: false });
        }
        if (turn !== this.turn || !this.wanted) return;
        this.wanted = false;
        this.readNow();
    }
}

/** What an incident is made of: when this is otherwise, there is more to be read. */
export function stateOf(snapshot: Snapshot): string {
    const { nodes, groups, term, version } = viewOf(snapshot);
    return JSON.stringify([
        nodes.map(({ name, state, standby }) => [name, state, standby]),
        groups?.map(({ name, phase, owner, flags, resources }) => [name, phase, owner, flags, resources.map((one) => one.probe)]),
        term,
        version,
    ]);
}

/** As the console's own service answers. */
export function historyFrom(console: Console): (group: string, number: number) => Promise<History> {
    return async (group, number) => {
        const [document] = await console.ask("Timeline", [group, number, ""]);
        return JSON.parse(document) as History;
    };
}
