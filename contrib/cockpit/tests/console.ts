// org.standfast.Console as a test needs it: files in memory, edits of plain INI, and what forms read of them. A plain
// stand-in: what the real one does with comments and continued lines is tested where it lives.

import { CONSOLE, consoleOver, type Console } from "../src/cluster/console";
import type { Edit, Files, Form, Line, Section } from "../src/configure/form";
import { clientOf, FakeDaemon } from "./fake";

const I = "org.standfast.Console1";
const PATH = "/org/standfast/Console";
export const HIDDEN = "(not shown)";

export const FILES: Files = {
    "cluster.conf": [
        "[Cluster]", "Name=webha", "", "[Node]", "Name=node1", "Id=1", "Address=192.0.2.11", "Fence=bmc-node1", "",
        "[Node]", "Name=node2", "Id=2", "Address=192.0.2.12", "", "[FenceDevice]", "Name=bmc-node1", "Agent=fence_redfish",
        "Option=ip=192.0.2.201", "Option=ssl=1", "PasswordFile=bmc.secret", "", "[Domain]", "Name=first", "Nodes=node1 node2",
        "Ordered=yes", "",
    ].join("\n"),
    "bmc.secret": HIDDEN,
    "units/webserv.target": "[Unit]\nDescription=The web site\n\n[X-Standfast]\nResources=standfast-ip@192.0.2.100.service apache2.service\nDomain=first\n",
    "units/apache2.service.d/standfast.conf": "[X-Probe]\nURL=http://192.0.2.100/\n",
};

const key = (section: string, name: string, more: object = {}) => ({
    scope: section === "X-Standfast" ? "group" : section.toLowerCase(),
    section, key: name, kind: "name", default: "", required: false, types: [], ...more,
});
export const KEYS = [
    key("Cluster", "Name", { required: true }),
    key("Cluster", "DetectWithin", { kind: "time span, at least 1.1s", default: "2.2s" }),
    key("Cluster", "Unsafe", { kind: "yes or no", default: "no" }),
    key("Node", "Name", { required: true }),
    key("Node", "Id", { kind: "number, 1 to 16", required: true }),
    key("Node", "Address", { kind: "IP address, one line for each link", required: true }),
    key("Node", "Fence", { kind: "DEVICE or DEVICE:PLUG, one line for each level" }),
    key("Node", "Votes", { kind: "number, 0 to 100", default: "1", meaning: "How much it counts." }),
    key("FenceDevice", "Name", { required: true }),
    key("FenceDevice", "Agent", { kind: "program's name", required: true }),
    key("FenceDevice", "Option", { kind: "NAME=VALUE, one line for each" }),
    key("FenceDevice", "PasswordFile", { kind: "file's name" }),
    key("FenceDevice", "Timeout", { kind: "time span", default: "60s" }),
    key("Domain", "Name", { required: true }),
    key("Domain", "Nodes", { kind: "list of names", required: true }),
    key("Domain", "Ordered", { kind: "yes or no", default: "no" }),
    key("X-Standfast", "Resources", { kind: "list of units", required: true }),
    key("X-Standfast", "Domain"),
    key("X-Standfast", "Recovery", { kind: "restart or relocate or disable or restart-disable", default: "restart" }),
    key("X-Probe", "Type", { kind: "http or tcp or exec", default: "http" }),
    key("X-Probe", "URL", { kind: "URL", types: ["http"] }),
    key("X-Probe", "Connect", { kind: "HOST:PORT", types: ["tcp"] }),
    key("X-Probe", "Interval", { kind: "time span", default: "2s" }),
];

export const REDFISH = {
    name: "fence_redfish",
    description: "I/O Fencing agent for Redfish",
    parameters: [
        parameter("action", { required: true, default: "reboot", ours: true }),
        parameter("ip", { required: true, description: "IP address or hostname of fencing device" }),
        parameter("password", { secret: true, ours: true, description: "Login password" }),
        parameter("ssl", { type: "boolean", description: "Use SSL connection" }),
        parameter("username", { description: "Login name" }),
        parameter("systems_uri", { description: "Redfish Systems resource URI, i.e. /redfish/v1/Systems/System.Embedded.1" }),
        parameter("ssl_insecure", { type: "boolean", description: "Use SSL connection without verifying certificate" }),
        parameter("retries", { default: "1", description: "Tries" }),
        parameter("ipaddr", { deprecated: true }),
    ],
};

function parameter(name: string, more: object) {
    return { name, required: false, type: "string", default: null, options: [], description: "", deprecated: false, secret: false, ours: false, ...more };
}

function sections(file: string, text: string): (Section & { line: number })[] {
    const found: (Section & { line: number })[] = [];
    text.split("\n").forEach((line, index) => {
        const head = /^\[(.+)\]$/.exec(line);
        const [name = "", ...rest] = line.split("=");
        if (head) found.push({ file, section: head[1]!, name: "", line: index + 1, values: {} });
        else if (rest.length && !/^[#;]/.test(line)) {
            const values = found.at(-1)!.values as Record<string, Line[]>;
            values[name] = [...(values[name] ?? []), { value: rest.join("="), file, line: index + 1 }];
        }
    });
    return found.map((one) => ({ ...one, name: one.section.startsWith("X-Probe") ? one.section.slice(8) : (one.values.Name?.[0]?.value ?? "") }));
}

export function read(files: Files): Form {
    const all = Object.entries(files).flatMap(([file, text]) => sections(file, text));
    const of = (section: string) => all.filter((one) => one.section === section);
    const groups = Object.keys(files).filter((file) => file.endsWith(".target")).map((file) => {
        const own = all.find((one) => one.file === file && one.section === "X-Standfast");
        const { Resources: lines = [], ...values } = own?.values ?? {};
        const resources = lines.flatMap(({ value, line }) => value.split(" ").filter(Boolean).map((unit) => ({ unit, line }))).map(({ unit, line }) => {
            const below = `units/${unit}.d/standfast.conf`;
            const probes = all.filter((one) => one.file === below && one.section.startsWith("X-Probe"));
            return { unit, file: below, line, there: below in files, values: {}, address: {}, ocf: {}, probes };
        });
        const unit = file.slice("units/".length);
        const description = all.find((one) => one.file === file && one.section === "Unit")?.values.Description?.[0]?.value ?? "";
        return { name: unit.replace(".target", ""), unit, file, line: own?.line ?? 1, description, values, resources };
    });
    return { cluster: of("Cluster")[0] ?? { file: "cluster.conf", section: "Cluster", name: "", line: null, values: {} }, nodes: of("Node"), devices: of("FenceDevice"), domains: of("Domain"), heuristics: of("Heuristic"), groups };
}

export function edited(files: Files, edit: Edit): Files {
    const { [edit.file]: old = "", ...others } = files;
    if (edit.do === "remove") return others;
    if (edit.do === "write") return { ...files, [edit.file]: edit.text ?? "" };
    const lines = old.split("\n");
    const place = sections(edit.file, old).find((one) => one.section === edit.section && (!edit.name || one.name === edit.name));
    if (edit.do === "add" || (place === undefined && edit.do === "set" && !edit.name)) {
        const added = [...(old ? [old.trimEnd(), ""] : []), `[${edit.section}]`, ...(edit.name ? [`Name=${edit.name}`] : []), ...(edit.key ? [`${edit.key}=${edit.value}`] : [])];
        return { ...files, [edit.file]: `${added.join("\n")}\n` };
    }
    if (place === undefined) throw { name: "org.standfast.Error.Refused", message: `${edit.file} has no [${edit.section}] ${edit.name}` };
    const end = sections(edit.file, old).map((one) => one.line).find((line) => line > place.line) ?? lines.length;
    const before = lines.slice(0, place.line);
    const body = lines.slice(place.line, end - 1);
    const after = lines.slice(end - 1);
    if (edit.do === "drop") return { ...files, [edit.file]: [...before.slice(0, -1), ...after].join("\n") };
    const is = (line: string) => line.startsWith(`${edit.key}=`);
    const at = body.findIndex(is);
    const made = edit.do === "set" ? (edit.value ?? "").split("\n").map((value) => `${edit.key}=${value}`) : [];
    const blank = body.findIndex((line) => !line);
    const head = body.slice(0, at >= 0 ? at : blank >= 0 ? blank : body.length).filter((line) => !is(line));
    const rest = body.slice(head.length).filter((line) => !is(line));
    return { ...files, [edit.file]: [...before, ...head, ...made, ...rest, ...after].join("\n") };
}

export class FakeConsole extends FakeDaemon {
    base = "base 4";
    files: Files = FILES;
    fresh = false;
    problems: [string, number, string, boolean][] = [];
    edits: Edit[][] = [];
    pushes: unknown[][] = [];
    readonly console: Console;

    constructor() {
        super(CONSOLE, { [PATH]: { [I]: { Hidden: HIDDEN, Busy: "" } } });
        this.console = consoleOver(() => clientOf(this));
        const json = (value: unknown) => [JSON.stringify(value)];
        const own: Record<string, (...values: never[]) => unknown[]> = {
            Files: () => [this.base, this.fresh, this.files],
            Show: () => [this.fresh, this.files],
            Read: (files: Files) => json(read(files)),
            Edit: (files: Files, edits: Edit[]) => (this.edits.push(edits), [edits.reduce(edited, files)]),
            Check: () => [this.problems],
            Keys: () => json(KEYS),
            Units: () => [[["apache2.service", "The Apache HTTP Server", "active"], ["mariadb.service", "MariaDB", "inactive"]]],
            Agents: () => [["fence_ipmilan", "fence_redfish"]],
            Agent: () => json(REDFISH),
            TestDevice: () => [true, "node1 is on"],
            TryProbe: (_: Files, unit: string, probe: string) =>
                json([{ unit, probe, type: "http", level: "live", outcome: "good", latency_ms: 7, text: "status 200", seen: "" }]),
            Plan: () => json(PLAN),
            Push: (...values: unknown[]) => (this.pushes.push(values), [5]),
            Rollback: () => [5],
            Version: () => [this.files],
            AddNode: () => [5],
            Versions: () => json({ versions: VERSIONS, unconfirmed: null, edited: [] }),
            Difference: () => [DIFFERENCE],
        };
        for (const [name, answer] of Object.entries(own)) this.methods[`${I}.${name}`] = answer as (...values: unknown[]) => unknown[];
    }

    /** From now on this method is refused with that sentence. */
    refuse(method: string, message: string, name = "org.standfast.Error.Refused"): void {
        this.methods[`${I}.${method}`] = () => {
            throw { name, message };
        };
    }

    progress(call: string, sentence: string): void {
        this.signal(PATH, I, "Progress", [call, sentence]);
    }
}

export const DIFFERENCE = "--- cluster.conf\n+++ cluster.conf\n@@ -1,2 +1,2 @@\n [Cluster]\n-Name=webha\n+Name=web\n";
export const VERSIONS = [
    { number: 4, digest: "d4", base: "d3", in_force_since: "2026-01-01T00:00:00Z", by: "root", why: "another page", in_force: true },
    { number: 3, digest: "d3", base: null, in_force_since: "2025-12-01T00:00:00Z", by: "alice", why: "the first one", in_force: false },
];
const row = { name: "webserv", reason: "its page is another one", setting: "units/webserv.target:5", resources: [], measured: "as last time" };
export const PLAN = {
    changed: true, digest: "d5", nodes: ["node1", "node2"], leaving: [], difference: DIFFERENCE, problems: [],
    groups: [
        { ...row, kind: "move", source: "node1", target: "node2", interruption_ms: 1400 },
        { ...row, name: "db", kind: "untouched", source: "node2", target: "node2", interruption_ms: null },
    ],
    changes: [{ about: "cluster", subject: "", kind: "quorum", reason: "three votes instead of two", setting: "" }],
};
