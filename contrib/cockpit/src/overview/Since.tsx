// What changed since somebody last looked at this cluster in this browser.

import { Alert, Button, List, ListItem } from "../patternfly";
import { type ReactNode, useEffect, useState } from "react";

import type { View } from "../cluster/view";
import { type Change, changes, type Seen, seenIn } from "../cluster/visit";
import { type Text, useAgo, useText, word } from "../text";

const MOST = 12;

export function Since({ view, memory }: { view: View; memory: Storage }): ReactNode {
    const text = useText();
    const ago = useAgo();
    const key = `standfast:seen:${view.cluster}`;
    const [before, setBefore] = useState<Seen | null>(() => remembered(memory, key));
    const now = seenIn(view, Date.now());
    const written = JSON.stringify(now);
    useEffect(() => {
        if (now !== null) memory.setItem(key, written);
    }, [key, memory, written, now]);
    const found = before && now ? changes(before, now) : [];
    if (before === null || found.length === 0) return null;
    return (
        <Alert component="h2"
            variant="info"
            isInline
            title={text("since-visit", { when: ago(before.at) })}
            actionLinks={
                <Button variant="link" isInline onClick={() => setBefore(now)}>
                    {text("seen-it")}
                </Button>
            }
        >
            <List isPlain>
                {found.slice(0, MOST).map((change) => (
                    <ListItem key={JSON.stringify(change)}>{said(text, change)}</ListItem>
                ))}
                {found.length > MOST && <ListItem>…</ListItem>}
            </List>
        </Alert>
    );
}

/** A remembered visit; null: there is none, or another version of this page wrote it. */
export function remembered(memory: Storage, key: string): Seen | null {
    try {
        const found = JSON.parse(memory.getItem(key) ?? "null") as Seen | null;
        return found && found.nodes && found.groups && typeof found.at === "number" ? found : null;
    } catch {
        return null;
    }
}

function said(text: Text, change: Change): string {
    switch (change.kind) {
        case "node":
            return text("change-node", {
                name: change.name,
                before: word(text, "state", change.before),
                after: word(text, "state", change.after),
            });
        case "group":
            if (change.from && change.to && change.before === change.after)
                return text("change-moved", { name: change.name, from: change.from, to: change.to });
            return text("change-group", {
                name: change.name,
                before: place(text, change.before, change.from),
                after: place(text, change.after, change.to),
            });
        case "new":
            return text("change-new", { name: change.name });
        case "gone":
            return text("change-gone", { name: change.name });
        case "version":
            return text("change-version", { before: change.before, after: change.after });
    }
}

function place(text: Text, phase: string, node: string): string {
    const said = word(text, "state", phase);
    return node ? text("on-node", { phase: said, node }) : said;
}
