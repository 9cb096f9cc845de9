// The configuration: an edited copy of it in forms and as text, what pushing it would do, and the versions that there were.

import { type ReactNode, useEffect, useMemo, useSyncExternalStore } from "react";

import type { Snapshot } from "../cluster/store";
import { viewOf } from "../cluster/view";
import { AbsentInPart } from "../overview/Absent";
import { Sentence } from "../overview/Sentence";
import { Alert, Button, EmptyState, Label, Spinner, Title } from "../patternfly";
import { hrefOf, type Place } from "../place";
import { Problem } from "../Problem";
import { Ways } from "../Tabs";
import { type Key, useText } from "../text";
import { Cluster } from "./Cluster";
import { Countdown } from "./Countdown";
import { type Desk, DeskContext, useDesk } from "./desk";
import { Devices } from "./Devices";
import { Domains } from "./Domains";
import { changedFiles, type Draft } from "./draft";
import { FilesPart } from "./FilesPart";
import { Groups } from "./Groups";
import { History } from "./History";
import type { Keeping } from "./keeping";
import type { Knowledge } from "./knowledge";
import { Nodes } from "./Nodes";
import { PushPart } from "./PushPart";
import type { Pushing } from "./pushing";
import { Problems } from "./Section";
import { type Service, ServiceContext } from "./service";
import type { Versions } from "./versions";

export interface ConfigurationStores {
    draft: Draft;
    pushing: Pushing;
    knowledge: Knowledge;
    versions: Versions;
    service: Service;
    keeping: Keeping;
}

const PARTS = ["nodes", "devices", "domains", "groups", "cluster", "files", "push", "history"] as const;
type Part = (typeof PARTS)[number];

interface Props {
    place: Place;
    snapshot: Snapshot;
    stores: ConfigurationStores;
}

export function Configuration({ place, snapshot, stores }: Props): ReactNode {
    const { draft, pushing, knowledge } = stores;
    const state = useSyncExternalStore(draft.subscribe, draft.state, draft.state);
    const going = useSyncExternalStore(pushing.subscribe, pushing.state, pushing.state);
    const known = useSyncExternalStore(knowledge.subscribe, knowledge.state, knowledge.state);
    const view = useMemo(() => viewOf(snapshot), [snapshot]);
    const told = snapshot.daemons["org.standfast.Groups"].presence !== "asking"; // which version is in force, or that none is
    useEffect(() => {
        if (told) draft.look(view.version);
    }, [draft, view.version, told]);
    useEffect(() => knowledge.needKeys(), [knowledge]);
    const desk: Desk = { draft, state, pushing, going, knowledge, known, view };
    return (
        <DeskContext.Provider value={desk}>
            <ServiceContext.Provider value={stores.service}>
                <Page place={place} snapshot={snapshot} stores={stores} />
            </ServiceContext.Provider>
        </DeskContext.Provider>
    );
}

function Page({ place, snapshot, stores }: Props): ReactNode {
    const text = useText();
    const { state, draft } = useDesk();
    const part: Part = PARTS.find((one) => one === place.path[0]) ?? "nodes";
    const changed = changedFiles(state).length;
    const ways = PARTS.map((name) => ({
        name,
        href: hrefOf("configuration", [name]),
        word: `part-${name === "push" && state.fresh ? "begin" : name}` as Key,
    }));
    return (
        <main className="sf-page">
            <header className="sf-line">
                <Title headingLevel="h1">{text("view-configuration")}</Title>
                {state.fresh && <Label color="blue">{text("fresh")}</Label>}
                {changed > 0 && (
                    <Label color="orange" variant="outline">
                        {text("draft-changed", { count: changed })}
                    </Label>
                )}
                <Verdict />
            </header>
            <AbsentInPart snapshot={snapshot} />
            <Countdown snapshot={snapshot} keeping={stores.keeping} />
            {state.mayNot && (
                <Alert component="h2" variant="info" isInline title={text("may-not")}>
                    <p>
                        <Sentence>{state.mayNot.sentence}</Sentence>
                    </p>
                    <p>{text("may-not-how")}</p>
                </Alert>
            )}
            {state.problem && (
                <>
                    <Problem problem={state.problem} title={text(state.original === null ? "files-not-read" : "draft-problem")} />
                    <span>
                        <Button variant="secondary" onClick={draft.again}>
                            {text("again")}
                        </Button>
                    </span>
                </>
            )}
            {state.elsewhere && <Elsewhere />}
            <Ways ways={ways} shown={part} label="parts" />
            {part === "history" ? <History versions={stores.versions} told={state.fresh || snapshot.daemons["org.standfast.Groups"].presence === "running"} /> : <Form part={part} place={place} />}
        </main>
    );
}

/** What the last check found, in a few words; the sentences stand where they belong. */
function Verdict(): ReactNode {
    const text = useText();
    const { state } = useDesk();
    if (state.original === null || state.mayNot !== null) return null;
    const wrong = state.found?.filter((one) => !one.warning).length ?? 0;
    return (
        <span aria-live="polite">
            {state.found === null && <span className="sf-quiet" aria-busy>{text("checking")}</span>}
            {state.found !== null && wrong === 0 && <Label status="success">{text("check-good")}</Label>}
            {wrong > 0 && <Label status="danger">{text("check-bad", { count: wrong })}</Label>}
        </span>
    );
}

function Form({ part, place }: { part: Exclude<Part, "history">; place: Place }): ReactNode {
    const text = useText();
    const { state } = useDesk();
    if (state.original === null || state.form === null) {
        if (state.problem) return null;
        return <EmptyState headingLevel="h2" titleText={text("files-reading")} icon={Spinner} />;
    }
    return (
        <div className="sf-stack sf-part-page" data-part={part}>
            {state.fresh && part === "nodes" && <p>{text("fresh-what")}</p>}
            {part === "nodes" && <Nodes />}
            {part === "devices" && <Devices />}
            {part === "domains" && <Domains />}
            {part === "groups" && <Groups />}
            {part === "cluster" && <Cluster />}
            {part === "files" && <FilesPart place={place} />}
            {part === "push" && <PushPart />}
            {part !== "push" && part !== "files" && <Everything />}
        </div>
    );
}

/** All that was found: also what belongs to no field that is shown here. */
function Everything(): ReactNode {
    const text = useText();
    const { state } = useDesk();
    if (!state.found?.length) return null;
    return (
        <section aria-labelledby="found" className="sf-stack">
            <Title headingLevel="h2" id="found">
                {text("found")}
            </Title>
            <Problems found={state.found} />
        </section>
    );
}

function Elsewhere(): ReactNode {
    const text = useText();
    const { draft, state, view } = useDesk();
    const both = state.elsewhere?.both ?? [];
    return (
        <Alert
            component="h2"
            variant="warning"
            isInline
            title={text("elsewhere", { version: view.version })}
            actionLinks={
                <>
                    <Button variant="link" isInline onClick={draft.takeOver}>
                        {text("take-over")}
                    </Button>
                    <Button variant="link" isInline component="a" href={hrefOf("configuration", ["push"])}>
                        {text("compare")}
                    </Button>
                    <Button variant="link" isInline isDanger onClick={draft.discard}>
                        {text("discard")}
                    </Button>
                </>
            }
        >
            <p>{text("elsewhere-what")}</p>
            {both.length > 0 && <p>{text("elsewhere-both", { files: both.join(", ") })}</p>}
        </Alert>
    );
}
