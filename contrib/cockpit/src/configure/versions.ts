// Which versions of the configuration there were, and what differs between two of them.

import { type Console, type Problem, problemOf } from "../cluster/console";
import { Followed } from "../cluster/followed";

export interface Version {
    number: number | null;
    digest: string;
    base: string | null;
    in_force_since: string | null;
    by: string | null;
    why: string | null;
    in_force: boolean;
}

export interface Shown {
    readonly versions: readonly Version[] | null; // the newest first; null: not read yet
    readonly edited: readonly string[]; // files of this node that differ from the version in force
    readonly problem: Problem | null;
    readonly from: number;
    readonly to: number;
    readonly difference: string | null; // null: not known
}

export class Versions extends Followed<Shown> {
    private seen: number | null = null;
    private turn = 0;

    constructor(private readonly console: Console) {
        super({ versions: null, edited: [], problem: null, from: 0, to: 0, difference: null });
    }

    /** Somebody looks while this version is in force. */
    look(inForce: number): void {
        if (inForce === this.seen) return;
        this.seen = inForce;
        this.read();
    }

    readonly read = (): void => {
        void this.reading();
    };

    /** What differs from one to the other; 0: see Difference. */
    readonly compare = (from: number, to: number): void => {
        void this.comparing(from, to);
    };

    private async reading(): Promise<void> {
        try {
            const [document] = await this.console.ask("Versions", []);
            const { versions, edited } = JSON.parse(document) as { versions: Version[]; edited?: string[] };
            this.become({ ...this.state(), versions, edited: edited ?? [], problem: null });
            const [newest, before] = versions;
            if (newest?.number && before?.number) await this.comparing(before.number, newest.number);
            else if (newest) await this.comparing(0, 0);
        } catch (error) {
            this.become({ ...this.state(), problem: problemOf(error) });
        }
    }

    private async comparing(from: number, to: number): Promise<void> {
        const turn = (this.turn += 1);
        this.become({ ...this.state(), from, to, difference: null });
        try {
            const [difference] = await this.console.ask("Difference", [from, to]);
            if (turn === this.turn) this.become({ ...this.state(), difference, problem: null });
        } catch (error) {
            if (turn === this.turn) this.become({ ...this.state(), problem: problemOf(error) });
        }
    }
}
