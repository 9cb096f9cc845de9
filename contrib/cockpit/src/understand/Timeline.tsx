// What happened: the incidents, and of one of them what its time was spent on and what the journals say.

import { type ReactNode, useEffect, useSyncExternalStore } from "react";

import type { Snapshot } from "../cluster/store";
import { viewOf } from "../cluster/view";
import { AbsentInPart } from "../overview/Absent";
import { Sentence } from "../overview/Sentence";
import { Button, Card, CardBody, CardTitle, EmptyState, FormSelect, FormSelectOption, Label, Spinner, Title } from "../patternfly";
import { go, hrefOf, type Place } from "../place";
import { Problem } from "../Problem";
import { clock, count, useText } from "../text";
import { Entries } from "./Entries";
import { concerns, type Incident, type Journal, named, nameOf, sentenceOf } from "./incident";
import { type Incidents, MOST, stateOf, type Told } from "./incidents";
import { Waterfall } from "./Waterfall";

export function Timeline({ place, snapshot, incidents }: { place: Place; snapshot: Snapshot; incidents: Incidents }): ReactNode {
    const told = useSyncExternalStore(incidents.subscribe, incidents.state, incidents.state);
    const { group = "" } = place.options;
    const state = stateOf(snapshot);
    useEffect(() => incidents.look(group, state), [incidents, group, state]);
    const groups = viewOf(snapshot).groups?.map((one) => one.name) ?? [];
    return (
        <Shown place={place} told={told} groups={groups} again={incidents.readNow} more={incidents.readMore}>
            <AbsentInPart snapshot={snapshot} />
        </Shown>
    );
}

interface ShownProps {
    place: Place;
    told: Told;
    groups: readonly string[];
    again: () => void;
    more: () => void;
    children?: ReactNode;
}

export function Shown({ place, told, groups, again, more, children }: ShownProps): ReactNode {
    const text = useText();
    const { incident = "", node = "" } = place.options;
    const all = told.history?.incidents.filter((one) => !node || one.entries.some((entry) => concerns(entry, node))) ?? null;
    const shown = all ? named(all, incident) : undefined;
    return (
        <main className="sf-page">
            <header className="sf-line">
                <Title headingLevel="h1">{text("view-timeline")}</Title>
                <GroupChoice place={place} groups={groups} />
                {node && (
                    <Label onClose={() => go(hrefOf("timeline", [], { ...place.options, node: "" }))} closeBtnAriaLabel={text("all-nodes")}>
                        {text("about-node", { node })}
                    </Label>
                )}
            </header>
            {children}
            {told.problem && (
                <>
                    <Problem problem={told.problem} title={text("timeline-not-read")} />
                    <p>
                        <Button variant="secondary" onClick={again}>
                            {text("again")}
                        </Button>
                    </p>
                </>
            )}
            {all === null && !told.problem && <EmptyState headingLevel="h2" titleText={text("timeline-reading")} icon={Spinner} />}
            {all?.length === 0 && <EmptyState headingLevel="h2" titleText={text("incidents-none")} />}
            {all !== null && all.length > 0 && (
                <div className="sf-beside">
                    <div className="sf-stack">
                        <List incidents={all} shown={shown} place={place} />
                        {(told.history?.incidents.length ?? 0) >= told.number && told.number < MOST && (
                            <Button variant="link" isInline isLoading={told.reading} onClick={more}>
                                {text("incidents-more")}
                            </Button>
                        )}
                        <Journals nodes={told.history?.nodes ?? []} />
                    </div>
                    {shown ? <One key={nameOf(shown)} incident={shown} node={node} /> : <p>{text("incident-gone")}</p>}
                </div>
            )}
        </main>
    );
}

function GroupChoice({ place, groups }: { place: Place; groups: readonly string[] }): ReactNode {
    const text = useText();
    const { group = "" } = place.options;
    const known = groups.includes(group) || !group ? groups : [...groups, group];
    return (
        <FormSelect
            className="sf-choice"
            aria-label={text("incidents-of")}
            value={group}
            onChange={(_, value) => go(hrefOf("timeline", [], { ...place.options, group: value, incident: "" }))}
        >
            <FormSelectOption value="" label={text("all-groups")} />
            {known.map((one) => (
                <FormSelectOption key={one} value={one} label={one} />
            ))}
        </FormSelect>
    );
}

/** The last one first. */
function List({ incidents, shown, place }: { incidents: readonly Incident[]; shown: Incident | undefined; place: Place }): ReactNode {
    const text = useText();
    return (
        <nav aria-label={text("incidents")} className="sf-incidents">
            <ul>
                {[...incidents].reverse().map((one) => (
                    <li key={nameOf(one)}>
                        <a
                            href={hrefOf("timeline", [], { ...place.options, incident: nameOf(one) })}
                            {...(one === shown ? { "aria-current": "true" as const } : {})}
                        >
                            <span className="sf-line">
                                <strong>{clock(text, Date.parse(one.begun))}</strong>
                                {one.ms > 0 && <span>{text("milliseconds", { ms: count(text, one.ms) })}</span>}
                            </span>
                            <span className="sf-part sf-quiet">{one.groups.join(" ")}</span>
                            <span className="sf-part">
                                <Sentence>{sentenceOf(one)}</Sentence>
                            </span>
                        </a>
                    </li>
                ))}
            </ul>
        </nav>
    );
}

/** Whose journals could not be read, so that something may be missing. */
function Journals({ nodes }: { nodes: readonly Journal[] }): ReactNode {
    const text = useText();
    const silent = nodes.filter((one) => !one.answered);
    return silent.map(({ name, text: said }) => (
        <p key={name} className="sf-quiet">
            {text("journal-not-read", { node: name })} <Sentence>{said}</Sentence>
        </p>
    ));
}

function One({ incident, node }: { incident: Incident; node: string }): ReactNode {
    const text = useText();
    return (
        <Card component="section" aria-labelledby="incident">
            <CardTitle component="h2">
                <span id="incident">{text("incident-at", { when: clock(text, Date.parse(incident.begun)) })}</span>
            </CardTitle>
            <CardBody className="sf-stack">
                <div className="sf-scroll" tabIndex={0} role="region" aria-label={text("steps")}>
                    <Waterfall incident={incident} />
                </div>
                <Entries incident={incident} wanted={node} />
            </CardBody>
        </Card>
    );
}
