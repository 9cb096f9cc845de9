// Cockpit's D-Bus client over daemons that a test makes: their values, who is there, and what they answer.

import type { Client, Signal } from "../src/cockpit";
import { DAEMONS, type DaemonName, type Later } from "../src/cluster/daemon";
import { PROPERTIES, ROOT } from "../src/cluster/objects";
import type { Snapshot } from "../src/cluster/store";

type Values = Record<string, unknown>;
export type Served = Record<string, Record<string, Values>>; // path: interface: values

const variants = (values: Values) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { t: "v", v: value }]));

export class FakeDaemon {
    present = true;
    hangs = false;
    methods: Record<string, (...values: unknown[]) => unknown[]> = {};
    calls: string[] = [];
    readonly clients: FakeClient[] = [];

    constructor(
        readonly name: string,
        public served: Served,
    ) {}

    stop(): void {
        this.present = false;
        for (const client of this.clients) client.tell("owner", null);
    }

    start(): void {
        this.present = true;
        for (const client of this.clients) client.tell("owner", ":1.7");
    }

    /** The values change, and a signal says so. */
    change(path: string, name: string, values: Values, invalid: string[] = []): void {
        Object.assign(this.served[path]![name]!, values);
        if (!this.present) return;
        const news = Object.fromEntries(Object.entries(values).filter(([one]) => !invalid.includes(one)));
        this.signal(path, PROPERTIES, "PropertiesChanged", [name, variants(news), invalid]);
    }

    signal(...signal: Signal): void {
        for (const client of this.clients) for (const told of client.told) told(...signal);
    }
}

class FakeClient implements Client {
    readonly told: ((...signal: Signal) => void)[] = [];
    private readonly events: { event: string; told: (event: unknown, detail: never) => void }[] = [];

    constructor(private readonly daemon: FakeDaemon) {
        daemon.clients.push(this);
    }

    async call(path: string, name: string, method: string, values: readonly unknown[]): Promise<readonly unknown[]> {
        this.daemon.calls.push(method);
        await Promise.resolve();
        if (this.daemon.hangs) throw { problem: "timeout" };
        if (!this.daemon.present) throw { name: "org.freedesktop.DBus.Error.ServiceUnknown" };
        const { [ROOT]: root = {}, ...below } = this.daemon.served;
        if (method === "GetAll") return [variants(root[values[0] as string] ?? {})];
        if (method === "Get") return [{ t: "v", v: this.daemon.served[path]![values[0] as string]![values[1] as string] }];
        if (method === "GetManagedObjects") {
            const of = (found: Record<string, Values>) =>
                Object.fromEntries(Object.entries(found).map(([one, them]) => [one, variants(them)]));
            return [Object.fromEntries(Object.entries(below).map(([one, found]) => [one, of(found)]))];
        }
        const answer = this.daemon.methods[`${name}.${method}`];
        if (answer === undefined) throw { name: "org.freedesktop.DBus.Error.UnknownMethod", message: "no method" };
        return answer(...values);
    }

    subscribe(match: { interface: string }, told: (...signal: Signal) => void) {
        this.told.push((...signal) => signal[1] === match.interface && told(...signal));
        return { remove: () => undefined };
    }

    addEventListener(event: string, told: (event: unknown, detail: never) => void): void {
        this.events.push({ event, told });
    }

    tell(event: string, detail: unknown): void {
        for (const one of this.events) if (one.event === event) one.told({}, detail as never);
    }

    close(): void {}
}

/** Time that passes when a test says so. */
export class Clock {
    private readonly due: { at: number; what: () => void }[] = [];
    now = 1000;

    readonly later: Later = (what, ms) => {
        const one = { at: this.now + ms, what };
        this.due.push(one);
        return () => void this.due.splice(this.due.indexOf(one) >>> 0, 1);
    };

    /** So many milliseconds pass, and everything is done that was due by then. */
    async pass(ms: number): Promise<void> {
        const end = this.now + ms;
        await settled();
        for (;;) {
            const next = this.due.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
            if (next === undefined) break;
            this.due.splice(this.due.indexOf(next), 1);
            this.now = next.at;
            next.what();
            await settled();
        }
        this.now = end;
    }
}

async function settled(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

const [MEMBERSHIP, QUORUM, FENCING, GROUPS] = Object.keys(DAEMONS) as DaemonName[];
export const SINCE = "2026-01-01T00:00:00Z";
const NODES = ["node1", "node2", "node3"];

/** Three nodes and a group, and nobody is needed. */
export function cluster(): Record<DaemonName, FakeDaemon> {
    const nodes: Served = {};
    const members: Served = {};
    const devices: Served = {};
    NODES.forEach((Name, index) => {
        const Links = index ? [[0, true, SINCE], [1, true, SINCE]] : [];
        nodes[`${ROOT}/node/${Name}`] = { "org.standfast.Node1": { Name, Id: index + 1, Votes: 1, Links } };
        const member = { Name, State: "online", Standby: false, Healthy: true, Drifted: false, Edited: [] };
        members[`${ROOT}/node/${Name}`] = { "org.standfast.Member1": member };
        const tested = { LastTest: SINCE, LastAnswer: SINCE, Ok: true, Answer: "on", Verified: true };
        devices[`${ROOT}/device/bmc_2d${Name}`] = {
            "org.standfast.FenceDevice1": { Name: `bmc-${Name}`, Agent: "fence_redfish", Nodes: [Name], ...tested },
        };
    });
    const group = { Name: "webserv", Phase: "started", Flags: [], Owner: "node1", LastOwner: "", Since: SINCE };
    const resource = { Unit: "apache2.service", Place: 2, State: "active", Probe: "good", Cause: "" };
    const address = { Unit: "standfast-ip@192.0.2.100.service", Place: 1, State: "active", Probe: "none", Cause: "" };
    const web = `${ROOT}/group/webserv`;
    const groups: Served = {
        [ROOT]: {
            "org.standfast.Groups1": {
                ...{ Cluster: "webha", Node: "node1", Term: 7, Coordinator: "node1", Quorate: "yes", NoTerm: "" },
                ...{ ConfigurationVersion: 4, Maintenance: false, Drill: ["", "", "", [], "", "", "", "", 0], LastDrill: "" },
            },
        },
        ...members,
        [web]: { "org.standfast.Group1": { ...group, Reason: "node1 is first", Drilled: ["", "", 0] } },
        [`${web}/resource/apache2_2eservice`]: {
            "org.standfast.Resource1": { ...resource, Probes: [["", "http", "live", "good", "status 200", 7, SINCE]] },
        },
        [`${web}/resource/ip`]: { "org.standfast.Resource1": { ...address, Probes: [] } },
    };
    const votes = { Quorate: true, Votes: 3, ExpectedVotes: 3, QuorumVotes: 2, Arbiter: "", WatchdogArmed: false };
    const made = {
        [MEMBERSHIP!]: { [ROOT]: { "org.standfast.Membership1": { Cluster: "webha", Node: "node1" } }, ...nodes },
        [QUORUM!]: { [ROOT]: { "org.standfast.Quorum1": votes } },
        [FENCING!]: { [ROOT]: { "org.standfast.Fencing1": { Unfenced: true } }, ...devices },
        [GROUPS!]: groups,
    };
    const daemons = Object.fromEntries(
        Object.entries(made).map(([name, served]) => [name, new FakeDaemon(name as DaemonName, served)]),
    ) as Record<DaemonName, FakeDaemon>;
    daemons["org.standfast.Groups"].methods["org.standfast.Groups1.Attention"] = () => [[]];
    return daemons;
}

export function clientOf(daemon: FakeDaemon): Client {
    return new FakeClient(daemon);
}

export function client(daemons: Record<DaemonName, FakeDaemon>): (name: DaemonName) => Client {
    return (name) => new FakeClient(daemons[name]);
}

export type { Snapshot };
