// The words for how something is, in the colour that they have everywhere.

import { Label } from "../patternfly";
import type { ReactNode } from "react";

import { useText, word } from "../text";

const GOOD = ["online", "started", "active", "good"];
const BAD = ["lost", "unresponsive", "blocked", "failed", "bad"];
const BUSY = ["fencing", "fenced", "joining", "starting", "stopping", "activating", "deactivating", "reloading"];
const LIMITED = ["degraded", "not-ready"];

export function StateLabel({ state }: { state: string | null }): ReactNode {
    const text = useText();
    const said = state ?? "unknown";
    const status = GOOD.includes(said)
        ? ("success" as const)
        : BAD.includes(said)
          ? ("danger" as const)
          : BUSY.includes(said)
            ? ("info" as const)
            : LIMITED.includes(said)
              ? ("warning" as const)
              : null;
    return (
        <Label isCompact {...(status ? { status } : {})} data-state={said}>
            {word(text, "state", said)}
        </Label>
    );
}

export function Marks({ words, warn = true }: { words: readonly string[]; warn?: boolean }): ReactNode {
    return words.map((one) => (
        <Label key={one} isCompact variant="outline" {...(warn ? { color: "orange" as const } : {})}>
            {one}
        </Label>
    ));
}
