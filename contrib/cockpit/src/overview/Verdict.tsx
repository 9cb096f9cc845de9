// The first thing that is said: all is well, or what a person must do, or why that is not known.

import { Alert, EmptyState, EmptyStateBody, List, ListItem, Spinner } from "../patternfly";
import type { ReactNode } from "react";

import type { Snapshot } from "../cluster/store";
import type { View } from "../cluster/view";
import { hrefOf } from "../place";
import { clock, useText } from "../text";
import { Absent, absentIn } from "./Absent";
import { Command, Sentence } from "./Sentence";

/** Nothing but this is to be shown; null: there is something to see. */
export function Instead({ snapshot }: { snapshot: Snapshot }): ReactNode {
    const text = useText();
    const states = Object.values(snapshot.daemons);
    if (states.every((one) => one.presence === "away")) {
        return (
            <EmptyState headingLevel="h2" titleText={text("not-running")} status="danger">
                <EmptyStateBody>
                    <p>{text("not-running-why")}</p>
                    <Command>systemctl start standfast.target</Command>
                    <p>
                        <a href={hrefOf("configuration")}>{text("begin-here")}</a>
                    </p>
                </EmptyStateBody>
            </EmptyState>
        );
    }
    if (states.every((one) => Object.keys(one.objects).length === 0 && one.presence !== "silent")) {
        const cut = states.some((one) => one.presence === "cut");
        if (!cut && states.some((one) => one.presence === "asking"))
            return <EmptyState headingLevel="h2" titleText={text("asking")} icon={Spinner} />;
        if (cut) return <EmptyState headingLevel="h2" titleText={text("cut")} status="danger" />;
    }
    return null;
}

export function Verdict({ snapshot, view }: { snapshot: Snapshot; view: View }): ReactNode {
    const text = useText();
    const cut = Object.values(snapshot.daemons).every((one) => one.presence === "cut");
    if (cut) {
        return (
            <Alert component="h2" variant="danger" isInline title={text("cut")}>
                {text("cut-why", { time: clock(text, snapshot.heardAt) })}
            </Alert>
        );
    }
    return (
        <div aria-live="polite" className="sf-stack">
            {snapshot.attention === null && <Missing snapshot={snapshot} />}
            {snapshot.attention === "older" && (
                <Alert component="h2" variant="warning" isInline title={text("older")}>
                    <Command>standfast status</Command>
                </Alert>
            )}
            {view.drill && <Alert component="h2" variant="info" isInline title={text("drill", view.drill)} />}
            {Array.isArray(snapshot.attention) && <Told sentences={snapshot.attention} view={view} />}
        </div>
    );
}

/** Without resourced nobody says what needs a person; which daemons are not there is seen from here. */
function Missing({ snapshot }: { snapshot: Snapshot }): ReactNode {
    const text = useText();
    if (absentIn(snapshot).length > 0) return <Absent snapshot={snapshot} />;
    return <Alert component="h2" variant="info" isInline title={text("asking")} />;
}

function Told({ sentences, view }: { sentences: readonly (readonly [boolean, string])[]; view: View }): ReactNode {
    const text = useText();
    if (sentences.length === 0) return <Alert component="h2" variant="success" isInline title={text("well")} />;
    const urgent = sentences.some(([isUrgent]) => isUrgent);
    const title = view.here ? text("needed-here", { node: view.here }) : text("needed");
    return (
        <Alert component="h2" variant={urgent ? "danger" : "warning"} isInline title={title} id="attention">
            <List isPlain className="sf-sentences">
                {sentences.map(([isUrgent, sentence]) => (
                    <ListItem key={sentence} className={isUrgent ? "sf-urgent" : ""}>
                        <Sentence>{sentence}</Sentence>
                    </ListItem>
                ))}
            </List>
        </Alert>
    );
}
