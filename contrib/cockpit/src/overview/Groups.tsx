// A group in one line, and on demand its resources with what their probes see.

import { ExpandableSection } from "../patternfly";
import { memo, type ReactNode, useState } from "react";

import { GroupActs } from "../act/Acts";
import type { GroupView, ResourceView } from "../cluster/view";
import { useAgo, useText, word } from "../text";
import { Sentence } from "./Sentence";
import { Marks, StateLabel } from "./States";
import { WhatHappened } from "./WhatHappened";
import { Why } from "./Why";

/** It is made anew when something of it is otherwise: there may be hundreds of them. */
export const Group = memo(GroupNow, (before, now) => JSON.stringify(before) === JSON.stringify(now));

function GroupNow({ group }: { group: GroupView }): ReactNode {
    const text = useText();
    const ago = useAgo();
    const [open, setOpen] = useState(false);
    const flags = group.flags.map((flag) => word(text, "flag", flag));
    return (
        <div className="sf-group" data-group={group.name}>
            <div className="sf-line">
                <strong>{group.name}</strong>
                <StateLabel state={group.phase} />
                <Marks words={flags} />
                {group.since && <span className="sf-quiet">{text("since", { when: ago(group.since) })}</span>}
                <GroupActs group={group} />
            </div>
            {!serves(group) && group.reason && (
                <p className="sf-reason">
                    <Sentence>{group.reason}</Sentence>
                </p>
            )}
            <ExpandableSection
                toggleText={text("resources-of", { name: group.name })}
                isExpanded={open}
                onToggle={(_, is) => setOpen(is)}
            >
                {open && <Resources group={group} />}
            </ExpandableSection>
            <WhatHappened name={group.name} kind="group" />
            <Why name={group.name} kind="group" state={`${group.phase} ${group.owner} ${group.flags} ${group.reason}`} />
        </div>
    );
}

function serves(group: GroupView): boolean {
    return group.phase === "started" && group.flags.length === 0;
}

function Resources({ group }: { group: GroupView }): ReactNode {
    const text = useText();
    if (group.resources.length === 0) return <p>{text("no-resources")}</p>;
    return (
        <>
            <table className="sf-table">
                <thead>
                    <tr>
                        <th scope="col">{text("resource")}</th>
                        <th scope="col">{text("state")}</th>
                        <th scope="col">{text("probe")}</th>
                    </tr>
                </thead>
                <tbody>
                    {group.resources.map((one) => (
                        <Resource key={one.unit} one={one} />
                    ))}
                </tbody>
            </table>
            <Proof group={group} />
        </>
    );
}

/** A row; where each of several probes has something to say, one for each of them; below it what was seen. */
function Resource({ one }: { one: ResourceView }): ReactNode {
    const text = useText();
    const only = one.probes.length === 1 ? one.probes[0] : undefined;
    const seen = one.cause || only?.seen || "";
    return (
        <>
            <tr>
                <th scope="row">
                    {one.unit}
                    {seen && <Seen>{seen}</Seen>}
                </th>
                <td>
                    <StateLabel state={one.state} />
                </td>
                <td>
                    {one.probe !== "none" && <StateLabel state={one.probe} />}{" "}
                    {only && text("milliseconds", { ms: only.latencyMs })}
                </td>
            </tr>
            {one.probes.length > 1 &&
                one.probes.map((probe) => (
                    <tr key={probe.name}>
                        <td className="sf-quiet">
                            {probe.name || probe.type}
                            <Seen>{probe.seen}</Seen>
                        </td>
                        <td />
                        <td>
                            <StateLabel state={probe.state} /> {text("milliseconds", { ms: probe.latencyMs })}
                        </td>
                    </tr>
                ))}
        </>
    );
}

function Seen({ children }: { children: string }): ReactNode {
    return (
        <span className="sf-part sf-quiet">
            <Sentence>{children}</Sentence>
        </span>
    );
}

export function Proof({ group: { drilled } }: { group: GroupView }): ReactNode {
    const text = useText();
    const ago = useAgo();
    if (drilled === null) return <p className="sf-quiet">{text("unproven")}</p>;
    const when = ago(drilled.at);
    if (drilled.ms === 0) return <p>{text("drill-failed", { when, kind: drilled.kind })}</p>;
    const seconds = (drilled.ms / 1000).toFixed(1);
    return <p className="sf-quiet">{text("proven", { when, kind: drilled.kind, seconds })}</p>;
}
