// The configuration as org.standfast.Console1 reads it for forms, and what it says of keys, agents and plans.

export type Files = Readonly<Record<string, string>>;

export interface Line {
    value: string;
    file: string;
    line: number;
}
export type Values = Readonly<Record<string, readonly Line[]>>;

export interface Section {
    file: string;
    section: string; // what stands between the brackets
    name: string; // its Name=; of a probe what its section is called
    line: number | null; // null: it is not written
    values: Values;
}

export interface Resource {
    unit: string;
    file: string; // where forms write
    line: number; // in Resources=
    there: boolean; // a file describes it
    values: Values;
    address: Values;
    ocf: Values;
    probes: readonly Section[];
}

export interface Group {
    name: string;
    unit: string;
    file: string;
    line: number | null;
    description: string;
    values: Values;
    resources: readonly Resource[];
}

export interface Form {
    cluster: Section; // its name is nothing
    nodes: readonly Section[];
    devices: readonly Section[];
    domains: readonly Section[];
    heuristics: readonly Section[];
    groups: readonly Group[];
}

/** A key that can be written; `types`: of the probes that have it, empty: all. */
export interface KeyInfo {
    scope: string;
    section: string;
    key: string;
    kind: string;
    default: string;
    required: boolean;
    types: readonly string[];
    meaning?: string; // what it does; an older node does not say
}

export interface Parameter {
    name: string;
    required: boolean;
    type: string;
    default: string | null;
    options: readonly string[];
    description: string;
    deprecated: boolean;
    secret: boolean;
    ours: boolean; // the cluster itself says it, or it has a key of its own
}

export interface Agent {
    name: string;
    description: string;
    parameters: readonly Parameter[];
}

/** A sentence about a file; line 0 or null: the whole of it. */
export interface Found {
    file: string;
    line: number | null;
    text: string;
    warning: boolean;
}

export interface Edit {
    do: "set" | "unset" | "add" | "drop" | "move" | "write" | "remove";
    file: string;
    section?: string;
    name?: string;
    key?: string;
    value?: string;
    after?: string;
    before?: string;
    text?: string;
}

/** Where a field writes. */
export interface Spot {
    file: string;
    section: string;
    name: string;
}

export function spotOf({ file, section, name }: Section): Spot {
    return { file, section, name };
}

/** The value as a form shows it, each of several lines in a line of its own. */
export function written(values: Values, key: string): string {
    return (values[key] ?? []).map((line) => line.value).join("\n");
}

export function words(values: Values, key: string): string[] {
    return written(values, key).split(/\s+/).filter(Boolean);
}

/** What makes a key have this value; "" = it is not written at all. */
export function setting(spot: Spot, key: string, value: string): Edit {
    return value.trim() ? { do: "set", ...spot, key, value: value.trim() } : { do: "unset", ...spot, key };
}

export function about(found: readonly Found[] | null, lines: readonly Pick<Section, "file" | "line">[]): Found[] {
    return (found ?? []).filter((one) => lines.some(({ file, line }) => one.file === file && one.line === line));
}

/** One of `what`'s keys, as they are declared; `scope` tells apart what has the same section. */
export function keysOf(keys: readonly KeyInfo[], section: string, scope = ""): KeyInfo[] {
    return keys.filter((one) => one.section === section && (!scope || one.scope.includes(scope)));
}

/** The items after the one at `from` was moved to `to`. */
export function moved<Item>(items: readonly Item[], from: number, to: number): Item[] {
    const others = items.filter((_, index) => index !== from);
    const item = items[from];
    return item === undefined ? others : [...others.slice(0, to), item, ...others.slice(to)];
}

/** Option=NAME=VALUE lines with this option otherwise, in their order; "" = without it. */
export function withOption(lines: readonly Line[], name: string, value: string): string {
    const options = lines.map((line) => line.value);
    const place = options.findIndex((one) => one.split("=", 1)[0]?.trim() === name);
    const made = value ? [`${name}=${value}`] : [];
    if (place < 0) return [...options, ...made].join("\n");
    return [...options.slice(0, place), ...made, ...options.slice(place + 1)].join("\n");
}

export function optionOf(lines: readonly Line[], name: string): Line | undefined {
    return lines.find((line) => line.value.split("=", 1)[0]?.trim() === name);
}

export function optionValue(lines: readonly Line[], name: string): string {
    const value = optionOf(lines, name)?.value ?? "";
    return value.slice(value.indexOf("=") + 1).trim();
}
