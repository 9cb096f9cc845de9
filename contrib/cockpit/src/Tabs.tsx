// The ways to the page's views, and which one is shown.

import type { ReactNode } from "react";

import { hrefOf, VIEWS, type ViewName } from "./place";
import { type Key, useText } from "./text";

export interface Way<Name extends string> {
    name: Name;
    href: string;
    word: Key;
}

export function Tabs({ shown }: { shown: ViewName }): ReactNode {
    const ways = VIEWS.map((name) => ({ name, href: hrefOf(name), word: `view-${name}` as const }));
    return <Ways ways={ways} shown={shown} label="views" />;
}

/** Links in a row; the one that is shown is said to be. */
export function Ways<Name extends string>({ ways, shown, label }: { ways: readonly Way<Name>[]; shown: Name; label: Key }): ReactNode {
    const text = useText();
    return (
        <nav className="sf-tabs" aria-label={text(label)}>
            {ways.map(({ name, href, word }) => (
                <a key={name} href={href} {...(name === shown ? { "aria-current": "page" as const } : {})}>
                    {text(word)}
                </a>
            ))}
        </nav>
    );
}
