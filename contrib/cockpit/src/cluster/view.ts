// What the overview shows, gathered from what the four daemons tell. A part that nobody tells is null.

import { having, root, type Told } from "./objects";
import type { Snapshot } from "./store";

export interface Link {
    number: number;
    up: boolean;
    since: string;
}

export interface Device {
    name: string;
    ok: boolean | null; // null: never asked
    lastAnswer: string; // "" = never
    answer: string;
}

export interface NodeView {
    name: string;
    id: number | null;
    state: string | null;
    here: boolean; // this page is from it
    coordinates: boolean;
    standby: boolean;
    healthy: boolean;
    drifted: boolean;
    edited: readonly string[];
    votes: number | null;
    links: readonly Link[];
    devices: readonly Device[] | null;
}

export interface Probe {
    name: string;
    type: string;
    state: string;
    seen: string;
    latencyMs: number;
}

export interface ResourceView {
    unit: string;
    state: string;
    probe: string;
    cause: string;
    probes: readonly Probe[];
}

export interface GroupView {
    path: string;
    name: string;
    phase: string;
    flags: readonly string[];
    owner: string;
    lastOwner: string;
    since: string;
    reason: string;
    drilled: { kind: string; at: string; ms: number } | null;
    resources: readonly ResourceView[];
    copyOf: { name: string; path: string } | null; // the group with Copies= that it is one of
}

/** A lost node that waits for its proof. */
export interface Loss {
    number: string;
    node: string;
    text: string;
}

export interface View {
    cluster: string;
    here: string;
    quorate: boolean | null;
    term: number;
    coordinator: string;
    noTerm: string;
    version: number;
    maintenance: boolean;
    losses: readonly Loss[];
    unconfirmed: { back: string; leftMs: number } | null; // the version that comes back
    drill: { kind: string; node: string; conductor: string } | null;
    nodes: readonly NodeView[];
    groups: readonly GroupView[] | null;
    quorum: Told<"org.standfast.Quorum1"> | null;
}

export function viewOf({ daemons }: Snapshot): View {
    const membership = daemons["org.standfast.Membership"].objects;
    const groups = root(daemons["org.standfast.Groups"].objects, "org.standfast.Groups1");
    const quorum = root(daemons["org.standfast.Quorum"].objects, "org.standfast.Quorum1");
    const own = root(membership, "org.standfast.Membership1");
    const [id, kind, node, , , conductor] = groups.Drill ?? ["", "", "", [], "", ""];
    const [back, leftMs] = groups.Unconfirmed ?? ["", 0];
    const here = groups.Node || own.Node || "";
    return {
        cluster: groups.Cluster || own.Cluster || "",
        here,
        quorate: quorate(groups.Quorate, quorum.Quorate),
        term: groups.Term ?? 0,
        coordinator: groups.Coordinator ?? "",
        noTerm: groups.NoTerm ?? "",
        version: groups.ConfigurationVersion ?? 0,
        maintenance: groups.Maintenance ?? false,
        losses: (groups.Losses ?? []).map(([number, node, , , text]) => ({ number, node, text })),
        unconfirmed: back ? { back, leftMs } : null,
        drill: id ? { kind, node, conductor } : null,
        nodes: nodesOf(daemons, here, groups.Coordinator ?? ""),
        groups: groupsOf(daemons),
        quorum: quorum.ExpectedVotes === undefined ? null : quorum,
    };
}

/** resourced asks Corosync itself, for the ring that it acts in; quorumd where that has no word. */
function quorate(word: string | undefined, said: boolean | undefined): boolean | null {
    return word === "yes" || word === "no" ? word === "yes" : (said ?? null);
}

function nodesOf(daemons: Snapshot["daemons"], here: string, coordinator: string): NodeView[] {
    const members = byName(having(daemons["org.standfast.Groups"].objects, "org.standfast.Member1"));
    const nodes = byName(having(daemons["org.standfast.Membership"].objects, "org.standfast.Node1"));
    const fenced = daemons["org.standfast.Fencing"];
    const devices = having(fenced.objects, "org.standfast.FenceDevice1").map(([, device]) => device);
    const made = [...new Set([...nodes.keys(), ...members.keys()])].map((name): NodeView => {
        const member: Told<"org.standfast.Member1"> = members.get(name) ?? {};
        const node: Told<"org.standfast.Node1"> = nodes.get(name) ?? {};
        return {
            name,
            id: node.Id ?? null,
            state: member.State ?? null,
            here: name === here,
            coordinates: name === coordinator,
            standby: member.Standby ?? false,
            healthy: member.Healthy ?? true,
            drifted: member.Drifted ?? false,
            edited: member.Edited ?? [],
            votes: node.Votes ?? null,
            links: (node.Links ?? []).map(([number, up, since]) => ({ number, up, since })),
            devices: fenced.presence === "running" ? devicesOf(name, devices) : null,
        };
    });
    return made.sort((a, b) => (a.id ?? Infinity) - (b.id ?? Infinity) || a.name.localeCompare(b.name));
}

function devicesOf(node: string, devices: readonly Told<"org.standfast.FenceDevice1">[]): Device[] {
    return devices
        .filter((one) => one.Nodes?.includes(node))
        .map((one) => ({
            name: one.Name ?? "",
            ok: one.LastTest ? (one.Ok ?? null) : null,
            lastAnswer: one.LastAnswer ?? "",
            answer: one.Answer ?? "",
        }))
        .sort((a, b) => a.name.localeCompare(b.name));
}

function groupsOf(daemons: Snapshot["daemons"]): GroupView[] | null {
    const { presence, objects } = daemons["org.standfast.Groups"];
    if (presence !== "running" && presence !== "cut") return null;
    const resources = new Map<string, Told<"org.standfast.Resource1">[]>();
    for (const [path, one] of having(objects, "org.standfast.Resource1")) {
        const group = path.slice(0, path.indexOf("/resource/"));
        resources.set(group, [...(resources.get(group) ?? []), one]);
    }
    const sets = having(objects, "org.standfast.Copies1");
    return having(objects, "org.standfast.Group1")
        .map(([path, group]) => groupOf(path, group, resources.get(path) ?? [], sets))
        .sort((a, b) => a.name.localeCompare(b.name));
}

function groupOf(
    path: string,
    group: Told<"org.standfast.Group1">,
    resources: readonly Told<"org.standfast.Resource1">[],
    sets: readonly (readonly [string, Told<"org.standfast.Copies1">])[],
): GroupView {
    const set = sets.find(([, { Copies }]) => Copies?.includes(group.Name ?? ""));
    const [kind, at, ms] = group.Drilled ?? ["", "", 0];
    return {
        path,
        name: group.Name ?? "",
        phase: group.Phase ?? "",
        flags: group.Flags ?? [],
        owner: group.Owner ?? "",
        lastOwner: group.LastOwner ?? "",
        since: group.Since ?? "",
        reason: group.Reason ?? "",
        drilled: kind ? { kind, at, ms } : null,
        resources: [...resources].sort((a, b) => (a.Place ?? 0) - (b.Place ?? 0)).map(resourceOf),
        copyOf: set ? { name: set[1].Name ?? "", path: set[0] } : null,
    };
}

function resourceOf(one: Told<"org.standfast.Resource1">): ResourceView {
    return {
        unit: one.Unit ?? "",
        state: one.State ?? "",
        probe: one.Probe ?? "",
        cause: one.Cause ?? "",
        probes: (one.Probes ?? []).map(([name, type, , state, seen, latencyMs]) => ({
            name,
            type,
            state,
            seen,
            latencyMs,
        })),
    };
}

function byName<One extends { readonly Name?: string | undefined }>(
    found: readonly (readonly [string, One])[],
): ReadonlyMap<string, One> {
    return new Map(found.map(([, one]) => [one.Name ?? "", one]));
}
