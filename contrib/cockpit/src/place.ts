// Where in the page somebody is: it stands in the address after the #, so that a reload and a link keep it.

import { useSyncExternalStore } from "react";

export const VIEWS = ["overview", "timeline", "configuration"] as const;
export type ViewName = (typeof VIEWS)[number];

export interface Place {
    readonly view: ViewName;
    readonly path: readonly string[]; // within the view
    readonly options: Readonly<Record<string, string>>;
}

/** An address that nobody made here is the overview. */
export function placeOf(hash: string): Place {
    const [way = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
    const [first = "", ...path] = way.split("/").filter(Boolean).map(decoded);
    const view = VIEWS.find((one) => one === first);
    if (view === undefined) return { view: "overview", path: [], options: {} };
    return { view, path, options: Object.fromEntries(new URLSearchParams(query)) };
}

/** An option that is "" is left out. */
export function hrefOf(view: ViewName, path: readonly string[] = [], options: Place["options"] = {}): string {
    const query = new URLSearchParams(Object.entries(options).filter(([, value]) => value !== "")).toString();
    const way = [view, ...path].map(encodeURIComponent).join("/");
    return `#/${way}${query && `?${query}`}`;
}

export function usePlace(): Place {
    return placeOf(useSyncExternalStore(followed, () => window.location.hash));
}

export function go(href: string): void {
    window.location.hash = href;
}

function followed(told: () => void): () => void {
    window.addEventListener("hashchange", told);
    return () => window.removeEventListener("hashchange", told);
}

function decoded(part: string): string {
    try {
        return decodeURIComponent(part);
    } catch {
        return part;
    }
}
