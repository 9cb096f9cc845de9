// What a refusal says of whoever was asked.

import type { Refusal } from "../cockpit";

const NOBODY = ["org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner"];

/** It is from before this page, and does not know the question. */
export function isOlder({ name }: Refusal): boolean {
    return name === "org.freedesktop.DBus.Error.UnknownMethod";
}

/** It does not run. */
export function isNobody({ name = "", problem }: Refusal): boolean {
    return NOBODY.includes(name) || problem === "not-found"; // so Cockpit ends the way to a name that nobody has
}
