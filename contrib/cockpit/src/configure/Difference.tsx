// What diff -u says, line by line; added and removed lines are told apart without colour as well.

import type { ReactNode } from "react";

import { useText } from "../text";

export type Fate = "added" | "removed" | "file" | "place" | "same";

export function fateOf(line: string): Fate {
    if (/^(\+\+\+|---) /.test(line)) return "file";
    if (line.startsWith("@@")) return "place";
    if (line.startsWith("+")) return "added";
    return line.startsWith("-") ? "removed" : "same";
}

/** `label`: what differs from what. */
export function Difference({ text: told, label }: { text: string; label: string }): ReactNode {
    const lines = told.replace(/\n$/, "").split("\n");
    return (
        <div className="sf-scroll sf-difference" tabIndex={0} role="region" aria-label={label} lang="en">
            {lines.map((line, index) => (
                <Line key={index} line={line} />
            ))}
        </div>
    );
}

/** The signs of diff stay in the text, and who listens hears a word. */
function Line({ line }: { line: string }): ReactNode {
    const text = useText();
    const fate = fateOf(line);
    const said = (
        <code className={`sf-${fate}`} data-fate={fate}>
            {line || " "}
        </code>
    );
    const word = (key: "line-added" | "line-removed") => (
        <span className="pf-v6-screen-reader" lang={text.language}>
            {text(key)}
        </span>
    );
    if (fate === "added")
        return (
            <ins>
                {word("line-added")}
                {said}
            </ins>
        );
    if (fate === "removed")
        return (
            <del>
                {word("line-removed")}
                {said}
            </del>
        );
    return said;
}
