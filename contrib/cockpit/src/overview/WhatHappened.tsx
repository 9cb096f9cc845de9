// The way from a group or a node to what happened to it.

import type { ReactNode } from "react";

import { hrefOf } from "../place";
import { useText } from "../text";

export function WhatHappened({ name, kind }: { name: string; kind: "group" | "node" }): ReactNode {
    const text = useText();
    return (
        <p className="sf-way">
            <a href={hrefOf("timeline", [], { [kind]: name })}>{text("what-happened", { name })}</a>
        </p>
    );
}
