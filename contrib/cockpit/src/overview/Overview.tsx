// One screen: whether all is well, what a person must do if not, and what the cluster is made of.

import { Card, CardBody, CardTitle, EmptyState, EmptyStateBody, Label, Title } from "../patternfly";
import type { ReactNode } from "react";

import { ClusterActs, Unconfirmed } from "../act/Acts";
import type { Snapshot } from "../cluster/store";
import { type View, viewOf } from "../cluster/view";
import { hrefOf } from "../place";
import { useText } from "../text";
import { Group } from "./Groups";
import { Nodes } from "./Nodes";
import { Quorum } from "./Quorum";
import { Command } from "./Sentence";
import { Since } from "./Since";
import { Instead, Verdict } from "./Verdict";

export function Overview({ snapshot, memory }: { snapshot: Snapshot; memory: Storage }): ReactNode {
    const text = useText();
    const instead = Instead({ snapshot });
    const view = viewOf(snapshot);
    return (
        <main className="sf-page">
            <Head view={view} />
            {instead ?? (
                <>
                    <Unconfirmed view={view} />
                    <Verdict snapshot={snapshot} view={view} />
                    {view.cluster && <Since key={view.cluster} view={view} memory={memory} />}
                    <Title headingLevel="h2">{text("nodes")}</Title>
                    {view.nodes.length ? <Nodes view={view} /> : <NoNodes />}
                    <Elsewhere view={view} />
                    <Quorum view={view} />
                </>
            )}
        </main>
    );
}

function Head({ view }: { view: View }): ReactNode {
    const text = useText();
    const known = view.cluster !== "" || view.here !== "";
    return (
        <header className="sf-line">
            <Title headingLevel="h1">{view.cluster || (known ? text("no-configuration") : text("title"))}</Title>
            {known && (
                <>
                    {view.quorate === null && <Label>{text("quorate-unknown")}</Label>}
                    {view.quorate === true && <Label status="success">{text("quorate-yes")}</Label>}
                    {view.quorate === false && <Label status="danger">{text("quorate-no")}</Label>}
                    <span className="sf-quiet">
                        {view.term > 0
                            ? text("coordinated", { term: view.term, node: view.coordinator, here: view.here })
                            : text("seen-from", { node: view.here })}
                    </span>
                    <ClusterActs view={view} />
                </>
            )}
        </header>
    );
}

function NoNodes(): ReactNode {
    const text = useText();
    return (
        <EmptyState headingLevel="h3" titleText={text("no-configuration")}>
            <EmptyStateBody>
                <p>{text("no-nodes")}</p>
                <Command>standfast init</Command>
                <p>
                    <a href={hrefOf("configuration")}>{text("begin-here")}</a>
                </p>
            </EmptyStateBody>
        </EmptyState>
    );
}

/** The groups that have no node, of which there is no card; and why there is no group at all. */
function Elsewhere({ view }: { view: View }): ReactNode {
    const text = useText();
    const names = view.nodes.map((node) => node.name);
    const idle = view.groups?.filter((group) => !names.includes(group.owner)) ?? [];
    if (view.groups?.length && !idle.length) return null;
    return (
        <Card component="section" aria-labelledby="groups">
            <CardTitle component="h2">
                <span id="groups">{text(idle.length ? "groups-elsewhere" : "groups")}</span>
            </CardTitle>
            <CardBody>
                {view.groups === null && <p>{text("no-groups-known")}</p>}
                {view.groups?.length === 0 && <p>{text("no-groups")}</p>}
                <div className="sf-groups">
                    {idle.map((group) => (
                        <Group key={group.path} group={group} />
                    ))}
                </div>
            </CardBody>
        </Card>
    );
}
