// The objects of one daemon as values that never change: what is told makes new ones.

import type { Signal } from "../cockpit";
import type { Properties } from "../interfaces";

export const ROOT = "/org/standfast";
export const PROPERTIES = "org.freedesktop.DBus.Properties";
export const MANAGER = "org.freedesktop.DBus.ObjectManager";

type Values = Readonly<Record<string, unknown>>;
export type Interfaces = Readonly<Record<string, Values>>;
export type Objects = Readonly<Record<string, Interfaces>>;

/** D-Bus' variants, as Cockpit carries them. */
interface Variant {
    t: string;
    v: unknown;
}

export function plain(values: Readonly<Record<string, Variant>>): Values {
    return Object.fromEntries(Object.entries(values).map(([name, variant]) => [name, variant.v]));
}

export function managed(found: Readonly<Record<string, Record<string, Record<string, Variant>>>>): Objects {
    return Object.fromEntries(Object.entries(found).map(([path, interfaces]) => [path, interfacesOf(interfaces)]));
}

function interfacesOf(found: Readonly<Record<string, Record<string, Variant>>>): Interfaces {
    return Object.fromEntries(Object.entries(found).map(([name, values]) => [name, plain(values)]));
}

/** The objects after this signal; one of an interface that is not known changes nothing. */
export function applied(objects: Objects, [path, name, member, values]: Signal): Objects {
    if (name === PROPERTIES && member === "PropertiesChanged") {
        const [changed, news] = values as [string, Record<string, Variant>];
        return withValues(objects, path, changed, plain(news));
    }
    if (name === MANAGER && member === "InterfacesAdded") {
        const [below, news] = values as [string, Record<string, Record<string, Variant>>];
        return { ...objects, [below]: { ...objects[below], ...interfacesOf(news) } };
    }
    if (name === MANAGER && member === "InterfacesRemoved") {
        const [below, gone] = values as [string, string[]];
        return without(objects, below, gone);
    }
    return objects;
}

export function withValues(objects: Objects, path: string, name: string, values: Values): Objects {
    const known = objects[path]?.[name];
    if (known === undefined) return objects;
    return { ...objects, [path]: { ...objects[path], [name]: { ...known, ...values } } };
}

function without(objects: Objects, path: string, gone: readonly string[]): Objects {
    const left = Object.entries(objects[path] ?? {}).filter(([name]) => !gone.includes(name));
    const { [path]: _, ...others } = objects;
    return left.length ? { ...others, [path]: Object.fromEntries(left) } : others;
}

/** What an older daemon does not have is undefined. */
export type Told<Name extends keyof Properties> = Readonly<Partial<Properties[Name]>>;

export function root<Name extends keyof Properties>(objects: Objects, name: Name): Told<Name> {
    return (objects[ROOT]?.[name] ?? {}) as Told<Name>;
}

/** Path and properties of each object with this interface. */
export function having<Name extends keyof Properties>(objects: Objects, name: Name): [string, Told<Name>][] {
    return Object.entries(objects).flatMap(([path, interfaces]) => {
        const found = interfaces[name];
        return found === undefined ? [] : [[path, found as Told<Name>]];
    });
}
