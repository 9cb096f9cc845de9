// A card for each node: how it is, how it is heard, whether its loss could be proven, and what it runs.

import {
    Card,
    CardBody,
    CardTitle,
    DescriptionList,
    DescriptionListDescription,
    DescriptionListGroup,
    DescriptionListTerm,
    Gallery,
} from "../patternfly";
import type { ReactNode } from "react";

import { NodeActs } from "../act/Acts";
import type { Device, NodeView, View } from "../cluster/view";
import { useAgo, useText } from "../text";
import { Group } from "./Groups";
import { Sentence } from "./Sentence";
import { Marks, StateLabel } from "./States";
import { WhatHappened } from "./WhatHappened";
import { Why } from "./Why";

export function Nodes({ view }: { view: View }): ReactNode {
    return (
        <Gallery hasGutter minWidths={{ default: "min(100%, 21rem)" }}>
            {view.nodes.map((node) => (
                <Node key={node.name} node={node} view={view} />
            ))}
        </Gallery>
    );
}

function Node({ node, view }: { node: NodeView; view: View }): ReactNode {
    const text = useText();
    const groups = view.groups?.filter((group) => group.owner === node.name) ?? null;
    const title = `node-${node.name}`;
    return (
        <Card component="section" aria-labelledby={title} data-node={node.name}>
            <CardTitle component="h3">
                <span className="sf-line">
                    <span id={title}>{node.name}</span>
                    <StateLabel state={node.state} />
                    <NodeMarks node={node} />
                    <NodeActs node={node} view={view} />
                </span>
            </CardTitle>
            <CardBody>
                <Facts node={node} here={view.here} />
                {node.edited.length > 0 && (
                    <p className="sf-quiet">{text("edited-files", { files: node.edited.join(", ") })}</p>
                )}
                <WhatHappened name={node.name} kind="node" />
                <Why name={node.name} kind="node" state={`${node.state} ${node.standby} ${node.healthy} ${node.drifted}`} />
                <div className="sf-groups">
                    {groups?.map((group) => <Group key={group.path} group={group} />)}
                    {groups?.length === 0 && <p className="sf-quiet">{text("runs-nothing")}</p>}
                </div>
            </CardBody>
        </Card>
    );
}

function NodeMarks({ node }: { node: NodeView }): ReactNode {
    const text = useText();
    const plain = [...(node.here ? [text("this-node")] : []), ...(node.coordinates ? [text("coordinator")] : [])];
    const warnings = [
        ...(node.standby ? [text("standby")] : []),
        ...(node.healthy ? [] : [text("unhealthy")]),
        ...(node.drifted ? [text("drifted")] : []),
        ...(node.edited.length ? [text("edited")] : []),
    ];
    return (
        <>
            <Marks words={warnings} />
            <Marks words={plain} warn={false} />
        </>
    );
}

function Facts({ node, here }: { node: NodeView; here: string }): ReactNode {
    const text = useText();
    return (
        <DescriptionList isCompact isHorizontal className="sf-facts">
            {node.votes !== null && <Fact term={text("votes")}>{node.votes}</Fact>}
            {node.state === "online" && (
                <Fact term={text("health")}>{text(node.healthy ? "healthy" : "unhealthy")}</Fact>
            )}
            <Fact term={text("links", { node: here })}>
                <Links node={node} />
            </Fact>
            <Fact term={text("fencing")}>
                <Fencing devices={node.devices} />
            </Fact>
        </DescriptionList>
    );
}

function Fact({ term, children }: { term: string; children: ReactNode }): ReactNode {
    return (
        <DescriptionListGroup>
            <DescriptionListTerm>{term}</DescriptionListTerm>
            <DescriptionListDescription>{children}</DescriptionListDescription>
        </DescriptionListGroup>
    );
}

function Links({ node }: { node: NodeView }): ReactNode {
    const text = useText();
    const ago = useAgo();
    if (node.here) return text("links-own");
    if (node.links.length === 0) return text("links-none");
    return node.links.map(({ number, up, since }) => (
        <span key={number} className={up ? "sf-part" : "sf-part sf-bad"}>
            {up ? text("link-up", { number }) : text("link-down", { number, when: ago(since) })}
        </span>
    ));
}

function Fencing({ devices }: { devices: readonly Device[] | null }): ReactNode {
    const text = useText();
    const ago = useAgo();
    if (devices === null) return text("fencing-unknown");
    if (devices.length === 0) return text("fencing-none");
    return devices.map(({ name, ok, lastAnswer, answer }) => (
        <span key={name} className={ok === false ? "sf-part sf-bad" : "sf-part"}>
            {ok === null && text("device-untested", { name })}
            {ok === true && text("device-ok", { name, when: ago(lastAnswer) })}
            {ok === false && <Sentence>{text("device-bad", { name, answer })}</Sentence>}
        </span>
    ));
}
