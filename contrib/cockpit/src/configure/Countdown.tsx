// A version that is not kept yet: how long it has, and the way to keep it or to go back at once.

import { type ReactNode, useEffect, useState } from "react";

import type { Refusal } from "../cockpit";
import type { Snapshot } from "../cluster/store";
import { root } from "../cluster/objects";
import { problemOf, type Problem as Known } from "../cluster/console";
import { Alert, Button } from "../patternfly";
import { Problem } from "../Problem";
import { useText } from "../text";
import { useDesk } from "./desk";

export interface Unconfirmed {
    backTo: string; // digest
    until: number; // milliseconds of this browser's clock
}

/** What the daemon told at `heardAt`; null: the version in force stays. */
export function unconfirmedIn(snapshot: Snapshot): { backTo: string; leftMs: number } | null {
    const [backTo, leftMs] = root(snapshot.daemons["org.standfast.Groups"].objects, "org.standfast.Groups1").Unconfirmed ?? ["", 0];
    return backTo ? { backTo, leftMs } : null;
}

export function Countdown({ snapshot, keep, now = Date.now }: { snapshot: Snapshot; keep: () => Promise<void>; now?: () => number }): ReactNode {
    const text = useText();
    const { pushing, going } = useDesk();
    const told = unconfirmedIn(snapshot);
    const key = told && `${told.backTo} ${told.leftMs}`;
    const [end, setEnd] = useState({ key, at: now() + (told?.leftMs ?? 0) });
    const [time, setTime] = useState(now);
    const [failed, setFailed] = useState<Known | null>(null);
    if (end.key !== key) setEnd({ key, at: now() + (told?.leftMs ?? 0) });
    useEffect(() => {
        if (key === null) return undefined;
        const handle = setInterval(() => setTime(now()), 1000);
        return () => clearInterval(handle);
    }, [key, now]);
    if (told === null) return null;
    const left = Math.max(0, Math.round((end.at - time) / 1000));
    const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    return (
        <Alert
            component="h2"
            variant="warning"
            isInline
            id="unconfirmed"
            title={text("unconfirmed")}
            actionLinks={
                <>
                    <Button
                        onClick={() => {
                            setFailed(null);
                            keep().catch((error: Refusal) => setFailed(problemOf(error)));
                        }}
                    >
                        {text("keep")}
                    </Button>
                    <Button variant="secondary" isDisabled={going.running !== null} onClick={() => void pushing.rollBack(0, "", 0)}>
                        {text("back-now")}
                    </Button>
                </>
            }
        >
            <p>
                {text("unconfirmed-left")} <span role="timer">{clock}</span>
            </p>
            {failed && <Problem problem={failed} title={text("keep-failed")} />}
        </Alert>
    );
}
