// How an action goes on, and how it ended; of refusals the sentence, and what would help.

import type { ReactNode } from "react";

import type { Refusal } from "../cockpit";
import { root } from "../cluster/objects";
import { isNobody } from "../cluster/refusals";
import type { Snapshot } from "../cluster/store";
import type { GroupView, View } from "../cluster/view";
import { Proof } from "../overview/Groups";
import { Sentence } from "../overview/Sentence";
import { StateLabel } from "../overview/States";
import { Asked } from "../overview/Why";
import { Alert, List, ListItem, Spinner, Title } from "../patternfly";
import { useText } from "../text";
import type { Deed } from "./deeds";
import type { Scene } from "./flow";
import { useSeconds } from "./seconds";

interface Shown {
    deed: Deed;
    scene: Scene;
    snapshot: Snapshot;
    view: View;
}

export function Refused({ problem }: { problem: Refusal | null }): ReactNode {
    const text = useText();
    return (
        <Alert component="h2" variant="warning" isInline title={text("not-now")}>
            <Why problem={problem} />
        </Alert>
    );
}

/** It was asked for, and refused. */
export function Failed({ problem }: { problem: Refusal | null }): ReactNode {
    const text = useText();
    const denied = problem?.name === "org.standfast.Error.AccessDenied" || problem?.problem === "access-denied";
    return (
        <Alert component="h2" variant="danger" isInline title={text("not-done")}>
            <Why problem={problem} />
            {denied && <p>{text("no-rights-help")}</p>}
        </Alert>
    );
}

export function Missing({ sentence }: { sentence: string }): ReactNode {
    const text = useText();
    return (
        <Alert component="h2" variant="info" isInline title={text("no-rights")}>
            <p>{text("no-rights-help")}</p>
            <p>
                <Sentence>{sentence}</Sentence>
            </p>
        </Alert>
    );
}

function Why({ problem }: { problem: Refusal | null }): ReactNode {
    const text = useText();
    if (problem !== null && isNobody(problem)) return <p>{text("resourced-away")}</p>;
    if (problem?.name && problem.message)
        return (
            <p>
                <Sentence>{problem.message}</Sentence>
            </p>
        );
    return <p>{text("no-way", { problem: problem?.problem || problem?.name || "" })}</p>;
}

export function UnderWay({ deed, scene, snapshot, view }: Shown): ReactNode {
    const text = useText();
    const seconds = useSeconds(scene.begun);
    const cut = snapshot.daemons["org.standfast.Groups"].presence !== "running";
    return (
        <>
            <p className="sf-line">
                <Spinner size="md" aria-label={text("calling")} />
                <span>{text(scene.stage === "calling" ? "calling" : "under-way")}</span>
                <span className="sf-quiet" aria-hidden="true">
                    {text("seconds", { seconds })}
                </span>
            </p>
            {cut && <Alert component="h2" variant="warning" isInline title={text("cut-meanwhile")} />}
            {scene.problem && !cut && <Alert component="h2" variant="warning" isInline title={text("unheard")} />}
            <Standing deed={deed} scene={scene} snapshot={snapshot} view={view} />
        </>
    );
}

export function End({ deed, scene, snapshot, view }: Shown): ReactNode {
    const text = useText();
    const good = scene.stage === "done";
    const ms = scene.ended - scene.begun;
    const done = scene.foresight === null ? text("stored") : ms < 1000 ? text("done") : text("done-after", { seconds: (ms / 1000).toFixed(1) });
    const groups = touched(deed, scene, view);
    const missed = good ? [] : deed.verb === "drill" ? groups : groups.filter((group) => !isAsForeseen(group, scene));
    return (
        <>
            <Alert component="h2" variant={good ? "success" : "danger"} isInline title={good ? done : text("went-otherwise")}>
                {!good && <p>{text("goes-on")}</p>}
            </Alert>
            <Standing deed={deed} scene={scene} snapshot={snapshot} view={view} />
            {missed.slice(0, 1).map((group) => (
                <div key={group.name}>
                    <Title headingLevel="h3" size="md">{text("why-of", { name: group.name })}</Title>
                    <Asked name={group.name} kind="group" state={`${group.phase} ${group.owner} ${group.reason}`} />
                </div>
            ))}
        </>
    );
}

/** Groups and the node as they are now, and what fencing says. */
function Standing({ deed, scene, snapshot, view }: Shown): ReactNode {
    const text = useText();
    const node = deed.of === "node" ? view.nodes.find((one) => one.name === deed.subject) : undefined;
    const groups = touched(deed, scene, view);
    const attempts = (root(snapshot.daemons["org.standfast.Fencing"].objects, "org.standfast.Fencing1").Attempts ?? [])
        .filter(([, name]) => node !== undefined && name === deed.subject)
        .map(([, , , , , , sentence]) => sentence);
    if (node === undefined && groups.length === 0) return null;
    return (
        <div>
            <Title headingLevel="h2" size="md">{text("stands")}</Title>
            <List isPlain>
                {node && (
                    <ListItem>
                        <span className="sf-line">
                            <strong>{node.name}</strong>
                            <StateLabel state={node.state} />
                        </span>
                        {view.losses
                            .filter((loss) => loss.node === node.name)
                            .map((loss) => (
                                <span key={loss.number} className="sf-part sf-quiet">
                                    <Sentence>{loss.text}</Sentence>
                                </span>
                            ))}
                    </ListItem>
                )}
                {groups.map((group) => (
                    <ListItem key={group.path}>
                        <GroupNow group={group} />
                        {deed.verb === "drill" && scene.ended > 0 && <Proof group={group} />}
                    </ListItem>
                ))}
            </List>
            {attempts.length > 0 && (
                <>
                    <Title headingLevel="h3" size="md">{text("fencing-attempts")}</Title>
                    <List isPlain>
                        {attempts.map((sentence, index) => (
                            <ListItem key={index}>
                                <Sentence>{sentence}</Sentence>
                            </ListItem>
                        ))}
                    </List>
                </>
            )}
        </div>
    );
}

function GroupNow({ group }: { group: GroupView }): ReactNode {
    return (
        <>
            <span className="sf-line">
                <strong>{group.name}</strong>
                <StateLabel state={group.phase} />
                {group.owner && <span>{group.owner}</span>}
            </span>
            {group.reason && (
                <span className="sf-part sf-quiet">
                    <Sentence>{group.reason}</Sentence>
                </span>
            )}
        </>
    );
}

function touched(deed: Deed, scene: Scene, view: View): readonly GroupView[] {
    const names = (scene.foresight?.effects ?? []).filter((effect) => effect.kind !== "untouched").map((effect) => effect.group);
    const own = deed.of === "group" ? [deed.subject] : [];
    return (view.groups ?? []).filter((group) => names.includes(group.name) || own.includes(group.name));
}

function isAsForeseen(group: GroupView, scene: Scene): boolean {
    const effect = scene.foresight?.effects.find((one) => one.group === group.name);
    return (group.phase === "started" ? group.owner : "") === (effect?.target ?? "");
}
