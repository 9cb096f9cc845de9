// An edited copy of the configuration: forms and the text of the files change the same one. It stays in this browser's
// session until it is pushed or thrown away; secrets that were typed stay in memory alone.

import { type Console, type Problem, problemOf } from "../cluster/console";
import type { Later } from "../cluster/daemon";
import { Followed } from "../cluster/followed";
import type { Edit, Files, Form, Found } from "./form";

export const CHECK_MS = 600; // after the last keystroke

export interface State {
    readonly base: string; // what `Push` wants to hear
    readonly fresh: boolean; // of a machine that is in no cluster yet
    readonly hidden: string; // stands for a text that is not shown
    readonly original: Files | null; // null: not read yet
    readonly files: Files;
    readonly form: Form | null;
    readonly found: readonly Found[] | null; // null: not checked since the last change
    readonly mayNot: Problem | null; // why it can be looked at only
    readonly problem: Problem | null; // why the last step was not done
    readonly elsewhere: Elsewhere | null;
}

/** Somebody changed the configuration while this copy was edited. */
export interface Elsewhere {
    readonly base: string;
    readonly original: Files;
    readonly both: readonly string[]; // files that were changed there and here
}

const NOTHING: State = {
    base: "",
    fresh: false,
    hidden: "",
    original: null,
    files: {},
    form: null,
    found: null,
    mayNot: null,
    problem: null,
    elsewhere: null,
};

interface Remembered {
    base: string;
    original: Files;
    files: Files;
}

export class Draft extends Followed<State> {
    private steps: Promise<void> = Promise.resolve();
    private version: number | null = null; // of the configuration in force, when it was read last
    private readonly typed = new Set<string>(); // files with secrets that were typed here
    private callOff: () => void = () => {};
    private checks = 0;
    private held = false;

    constructor(
        private readonly console: Console,
        private readonly later: Later,
        private readonly memory: Pick<Storage, "getItem" | "setItem" | "removeItem">,
        private readonly key: string,
    ) {
        super(NOTHING);
    }

    /** Somebody looks at it while this version is in force. */
    look(version: number): void {
        if (version === this.version) return;
        this.version = version;
        if (!this.held) this.step(() => this.read());
    }

    readonly again = (): Promise<void> => this.step(() => this.read());

    /** Changed as the service does it, which leaves everything else of the files as it is. What depends on what stands
     * there is made of it when its turn comes: who types fast is ahead of what the form shows. Ends when the form has it,
     * or `problem` says why it has not. */
    edit(...edits: (Edit | ((form: Form) => Edit[]))[]): Promise<void> {
        return this.step(async () => {
            const { form } = this.state();
            const made = edits.flatMap((edit) => (typeof edit !== "function" ? [edit] : form === null ? [] : edit(form)));
            const plain = made.map((edit) => ({ ...edit }) as Record<string, string>);
            const [files] = await this.console.ask("Edit", [this.state().files, plain]);
            await this.changed(files);
        });
    }

    /** The text of a file, as somebody typed it. */
    write(file: string, text: string): void {
        this.step(() => this.changed({ ...this.state().files, [file]: text }));
    }

    remove(file: string): void {
        const { [file]: _, ...others } = this.state().files;
        this.step(() => this.changed(others));
    }

    /** A file that nobody is shown, also not who opens this browser's session later. */
    keepSecret(file: string, secret: string, ...edits: Edit[]): void {
        this.typed.add(file);
        this.edit({ do: "write", file, text: `${secret}\n` }, ...edits);
    }

    /** Nobody is shown what is in this file of the draft. */
    isSecret(file: string): boolean {
        const { files, hidden } = this.state();
        return this.typed.has(file) || (hidden !== "" && files[file] === hidden);
    }

    /** As it is in /etc/standfast now. */
    readonly discard = (): void => {
        const { elsewhere } = this.state();
        const taken = elsewhere ?? { base: this.state().base, original: this.state().original ?? {} };
        this.typed.clear();
        this.step(() => this.taken(taken.base, taken.original, taken.original));
    };

    /** What was changed elsewhere is taken over, where it was not changed here as well. */
    readonly takeOver = (): void => {
        const { elsewhere, original, files } = this.state();
        if (elsewhere === null || original === null) return;
        const { files: merged } = rebased(original, files, elsewhere.original);
        this.step(() => this.taken(elsewhere.base, elsewhere.original, merged));
    };

    /** This copy is pushed, true: it is in force, and the next one begins with it. What changes meanwhile is no news. */
    async during(push: () => Promise<boolean>): Promise<void> {
        this.held = true;
        const done = await push();
        this.held = false;
        if (done) {
            this.typed.clear();
            this.memory.removeItem(this.key);
            this.become({ ...this.state(), original: null, elsewhere: null });
        }
        this.step(() => this.read());
    }

    private step(what: () => Promise<void>): Promise<void> {
        this.steps = this.steps.then(async () => {
            try {
                await what();
            } catch (error) {
                this.become({ ...this.state(), problem: problemOf(error) });
            }
        });
        return this.steps;
    }

    private async read(): Promise<void> {
        const { base, fresh, files, mayNot, hidden } = await this.asked();
        const now = this.state();
        this.become({ ...now, fresh, hidden, mayNot, problem: null });
        if (now.original === null) {
            const kept = mayNot === null ? this.remembered() : null;
            if (kept === null) return this.taken(base, files, files);
            await this.taken(kept.base, kept.original, kept.files);
        }
        if (this.state().base === base) return;
        if (!changedFiles(this.state()).length) return this.taken(base, files, files);
        const both = rebased(this.state().original ?? {}, this.state().files, files).both;
        this.become({ ...this.state(), elsewhere: { base, original: files, both } });
    }

    /** The files, or for who may not change them what may be shown of them. */
    private async asked() {
        const hidden = String(await this.console.property("Hidden"));
        try {
            const [base, fresh, files] = await this.console.ask("Files", []);
            return { base, fresh, files, hidden, mayNot: null };
        } catch (error) {
            const mayNot = problemOf(error);
            if (mayNot.kind !== "refused") throw error;
            const [fresh, files] = await this.console.ask("Show", []);
            return { base: "", fresh, files, hidden, mayNot };
        }
    }

    private async taken(base: string, original: Files, files: Files): Promise<void> {
        this.become({ ...this.state(), base, original, elsewhere: null });
        await this.changed(files);
    }

    private async changed(files: Files): Promise<void> {
        this.become({ ...this.state(), files, found: null, problem: null });
        this.remember();
        this.checkSoon();
        const [document] = await this.console.ask("Read", [files]);
        this.become({ ...this.state(), form: JSON.parse(document) as Form });
    }

    private checkSoon(): void {
        this.checks += 1;
        this.callOff();
        if (this.state().mayNot === null) this.callOff = this.later(() => void this.check(this.checks), CHECK_MS);
    }

    private async check(turn: number): Promise<void> {
        try {
            const [rows] = await this.console.ask("Check", [this.state().files]);
            const found = rows.map(([file, line, text, warning]) => ({ file, line, text, warning }));
            if (turn === this.checks) this.become({ ...this.state(), found });
        } catch (error) {
            if (turn === this.checks) this.become({ ...this.state(), problem: problemOf(error) });
        }
    }

    private remember(): void {
        const { base, original, files } = this.state();
        if (!changedFiles(this.state()).length || original === null) {
            this.memory.removeItem(this.key);
            return;
        }
        const shown = Object.fromEntries(Object.entries(files).filter(([name]) => !this.typed.has(name)));
        for (const name of this.typed) if (name in original) shown[name] = original[name] as string;
        this.memory.setItem(this.key, JSON.stringify({ base, original, files: shown } satisfies Remembered));
    }

    private remembered(): Remembered | null {
        try {
            const found = JSON.parse(this.memory.getItem(this.key) ?? "null") as Remembered | null;
            return found?.original && found.files && typeof found.base === "string" ? found : null;
        } catch {
            return null;
        }
    }
}

/** The files that the draft has otherwise, has besides, or has no more. */
export function changedFiles({ original, files }: Pick<State, "original" | "files">): string[] {
    if (original === null) return [];
    const names = new Set([...Object.keys(original), ...Object.keys(files)]);
    return [...names].filter((name) => original[name] !== files[name]).sort();
}

/** Their files with what was changed here; what both changed is as here, and named. */
export function rebased(original: Files, mine: Files, theirs: Files): { files: Files; both: readonly string[] } {
    const names = new Set([original, mine, theirs].flatMap(Object.keys));
    const made: Record<string, string> = {};
    const both: string[] = [];
    for (const name of [...names].sort()) {
        const untouched = mine[name] === original[name];
        const kept = untouched ? theirs[name] : mine[name];
        if (kept !== undefined) made[name] = kept;
        if (!untouched && theirs[name] !== original[name] && theirs[name] !== mine[name]) both.push(name);
    }
    return { files: made, both };
}
