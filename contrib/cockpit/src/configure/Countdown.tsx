// A version that is not kept yet: how long it has, and the way to keep it or to go back at once.

import { type ReactNode, useEffect, useState } from "react";

import type { Refusal } from "../cockpit";
import type { Snapshot } from "../cluster/store";
import { root } from "../cluster/objects";
import { problemOf, type Problem as Known } from "../cluster/console";
import { Alert, Button } from "../patternfly";
import { Problem } from "../Problem";
import { useText } from "../text";
import type { Keeping } from "./keeping";

/** What the daemon told at `heardAt`; null: the version in force stays. */
export function unconfirmedIn(snapshot: Snapshot): { backTo: string; leftMs: number } | null {
    const [backTo, leftMs] = root(snapshot.daemons["org.standfast.Groups"].objects, "org.standfast.Groups1").Unconfirmed ?? ["", 0];
    return backTo ? { backTo, leftMs } : null;
}

interface CountdownProps {
    snapshot: Snapshot;
    keeping: Keeping;
    now?: () => number;
}

export function Countdown({ snapshot, keeping, now = Date.now }: CountdownProps): ReactNode {
    const text = useText();
    const [failed, setFailed] = useState<Known | null>(null);
    const told = unconfirmedIn(snapshot);
    const left = useSecondsLeft(told, now);
    if (told === null) return null;
    const wish = (what: () => Promise<void>) => {
        setFailed(null);
        what().catch((error: Refusal) => setFailed(problemOf(error)));
    };
    return (
        <Alert
            component="h2"
            variant="warning"
            isInline
            id="unconfirmed"
            title={text("unconfirmed")}
            actionLinks={
                <>
                    <Button onClick={() => wish(keeping.keep)}>{text("keep")}</Button>
                    <Button variant="secondary" onClick={() => wish(keeping.takeBack)}>
                        {text("back-now")}
                    </Button>
                </>
            }
        >
            <p>
                {text("unconfirmed-left")} <span role="timer">{`${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`}</span>
            </p>
            {failed && <Problem problem={failed} title={text("draft-problem")} />}
        </Alert>
    );
}

/** Counted on from what was told last. */
function useSecondsLeft(told: ReturnType<typeof unconfirmedIn>, now: () => number): number {
    const key = told && `${told.backTo} ${told.leftMs}`;
    const [end, setEnd] = useState({ key, at: now() + (told?.leftMs ?? 0) });
    const [time, setTime] = useState(now);
    if (end.key !== key) setEnd({ key, at: now() + (told?.leftMs ?? 0) });
    useEffect(() => {
        if (key === null) return undefined;
        const handle = setInterval(() => setTime(now()), 1000);
        return () => clearInterval(handle);
    }, [key, now]);
    return Math.max(0, Math.round((end.at - time) / 1000));
}
