// One daemon of this node, followed: everything is read when it comes, and its signals tell the rest.

import type { Client, Refusal, Signal } from "../cockpit";
import type { Methods } from "../interfaces";
import { applied, MANAGER, managed, type Objects, plain, PROPERTIES, ROOT, withValues } from "./objects";
import { isNobody } from "./refusals";

export const DAEMONS = {
    "org.standfast.Membership": "membershipd",
    "org.standfast.Quorum": "quorumd",
    "org.standfast.Fencing": "fenced",
    "org.standfast.Groups": "resourced",
} as const;
export type DaemonName = keyof typeof DAEMONS;

/** asking: not known yet; away: nobody has its name; silent: it does not answer; cut: this page has no way to it. */
export type Presence = "asking" | "running" | "away" | "silent" | "cut";

export interface State {
    readonly presence: Presence;
    readonly objects: Objects;
    readonly problem: string; // Cockpit's word for what is the matter, "" = nothing
}

export type Later = (what: () => void, ms: number) => () => void; // the answer calls it off

type Takes<Method> = Method extends { takes: infer Values extends readonly unknown[] } ? Values : never;
type Gives<Method> = Method extends { gives: infer Values } ? Values : never;

export const ANSWER_MS = 5000;
export const AGAIN_MS = 5000;
export const GRACE_MS = 1500; // a daemon that is restarted is back before that, and nobody needs to know

export class Daemon {
    state: State = { presence: "asking", objects: {}, problem: "" };
    private client: Client | null = null;
    private reading = 0; // which one counts
    private waiting: Signal[] | null = null; // came while everything is read
    private callOff: () => void = () => {};

    constructor(
        readonly name: DaemonName,
        private readonly open: (name: DaemonName) => Client,
        private readonly later: Later,
        private readonly changed: () => void,
    ) {
        this.begin();
    }

    /** What this daemon answers. Rejected with a Refusal. */
    async ask<Name extends keyof Methods, Method extends keyof Methods[Name] & string>(
        path: string,
        name: Name,
        method: Method,
        values: Takes<Methods[Name][Method]>,
        timeout = ANSWER_MS,
    ): Promise<Gives<Methods[Name][Method]>> {
        if (this.client === null) throw { problem: this.state.problem } satisfies Refusal;
        const found = await this.client.call(path, name, method, values, { timeout });
        return found as Gives<Methods[Name][Method]>;
    }

    private begin(): void {
        const client = this.open(this.name);
        this.client = client;
        client.addEventListener("owner", (_, owner) => this.client === client && this.owned(owner));
        client.addEventListener("close", (_, options) => this.client === client && this.closed(options.problem ?? ""));
        const told = (...signal: Signal) => this.client === client && this.signalled(signal);
        client.subscribe({ interface: PROPERTIES, path_namespace: ROOT }, told);
        client.subscribe({ interface: MANAGER, path: ROOT }, told);
        void this.read(client);
    }

    private owned(owner: string | null): void {
        this.callOff();
        if (owner) {
            if (this.client !== null) void this.read(this.client);
            return;
        }
        this.reading += 1;
        this.callOff = this.later(() => this.become({ presence: "away", objects: {}, problem: "" }), GRACE_MS);
    }

    private closed(problem: string): void {
        this.client = null;
        this.reading += 1;
        this.callOff();
        this.callOff = this.later(() => this.begin(), AGAIN_MS);
        if (isNobody({ problem })) this.become({ presence: "away", objects: {}, problem });
        else this.become({ ...this.state, presence: "cut", problem });
    }

    private async read(client: Client): Promise<void> {
        const reading = (this.reading += 1);
        this.waiting = [];
        try {
            const [[root], [found]] = await Promise.all([
                client.call(ROOT, PROPERTIES, "GetAll", [`${this.name}1`], { timeout: ANSWER_MS }),
                client.call(ROOT, MANAGER, "GetManagedObjects", [], { timeout: ANSWER_MS }),
            ]);
            if (reading !== this.reading) return;
            const below = managed(found as Parameters<typeof managed>[0]);
            const objects = { ...below, [ROOT]: { [`${this.name}1`]: plain(root as Parameters<typeof plain>[0]) } };
            this.become({ presence: "running", objects: this.waiting.reduce(applied, objects), problem: "" });
            this.waiting = null;
        } catch (error) {
            if (reading === this.reading) this.unanswered(error as Refusal);
        }
    }

    private unanswered(error: Refusal): void {
        this.waiting = null;
        const away = isNobody(error);
        this.callOff();
        this.callOff = this.later(() => this.client !== null && void this.read(this.client), AGAIN_MS);
        this.become({ presence: away ? "away" : "silent", objects: {}, problem: error.problem ?? "" });
    }

    private signalled(signal: Signal): void {
        if (this.waiting !== null) {
            this.waiting.push(signal);
            return;
        }
        const objects = applied(this.state.objects, signal);
        if (objects !== this.state.objects) this.become({ ...this.state, objects });
        const [path, , member, values] = signal;
        if (member === "PropertiesChanged") {
            const [name, , invalid] = values as [string, unknown, string[]];
            for (const property of invalid) void this.readOne(path, name, property);
        }
    }

    /** One of the properties that are made when they are read. */
    private async readOne(path: string, name: string, property: string): Promise<void> {
        const reading = this.reading;
        try {
            const values = await this.client?.call(path, PROPERTIES, "Get", [name, property], { timeout: ANSWER_MS });
            if (values === undefined || reading !== this.reading) return;
            const value = (values[0] as { v: unknown }).v;
            this.become({ ...this.state, objects: withValues(this.state.objects, path, name, { [property]: value }) });
        } catch {
            // It has gone meanwhile, which is told by other signals.
        }
    }

    private become(state: State): void {
        this.state = state;
        this.changed();
    }
}
