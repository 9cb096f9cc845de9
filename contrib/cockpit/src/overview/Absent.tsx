// Which daemons of this node do not answer, what follows from it, and what to type.

import type { ReactNode } from "react";

import { DAEMONS, type DaemonName, type State } from "../cluster/daemon";
import type { Snapshot } from "../cluster/store";
import { Alert } from "../patternfly";
import { useText } from "../text";
import { Command } from "./Sentence";

export function absentIn({ daemons }: Snapshot): readonly (readonly [DaemonName, State])[] {
    const all = Object.entries(daemons) as [DaemonName, State][];
    return all.filter(([, { presence }]) => presence !== "running" && presence !== "asking");
}

export function Absent({ snapshot }: { snapshot: Snapshot }): ReactNode {
    return absentIn(snapshot).map(([name, { presence }]) => <One key={name} name={name} away={presence === "away"} />);
}

/** In a view that others answer for: nothing where the whole node is not in a cluster, or cannot be reached. */
export function AbsentInPart({ snapshot }: { snapshot: Snapshot }): ReactNode {
    const some = Object.values(snapshot.daemons).some((one) => one.presence === "running");
    return some ? <Absent snapshot={snapshot} /> : null;
}

function One({ name, away }: { name: DaemonName; away: boolean }): ReactNode {
    const text = useText();
    const daemon = DAEMONS[name];
    const unit = `standfast-${daemon}.service`;
    return (
        <Alert component="h2" variant="danger" isInline title={text(away ? "away" : "silent", { daemon })} data-absent={daemon}>
            {daemon === "resourced" && <p>{text("away-resourced")}</p>}
            <Command>{`systemctl status ${unit}`}</Command>
            {away && <Command>{`systemctl start ${unit}`}</Command>}
        </Alert>
    );
}
