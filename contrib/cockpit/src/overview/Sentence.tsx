// A sentence of the core, in its own language, and what of it can be typed.

import type { ReactNode } from "react";

import type { Text } from "../text";

const TYPED = /(?<=[:(,] ?|^)((?:standfast|systemctl) [a-z][^;:,()]*?)(?= shows |[;:,()]|$)/g;

export function Sentence({ children, language = "en" }: { children: string; language?: Text["language"] }): ReactNode {
    return (
        <span lang={language}>
            {children.split(TYPED).map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}
        </span>
    );
}

export function Command({ children }: { children: string }): ReactNode {
    return (
        <p>
            <code lang="en">{children}</code>
        </p>
    );
}
