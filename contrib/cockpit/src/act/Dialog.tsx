// What an action would do, the question whether to do it, and how it goes on until its end.

import { type ReactNode, useEffect, useRef, useSyncExternalStore } from "react";

import type { Snapshot } from "../cluster/store";
import { type View, viewOf } from "../cluster/view";
import { Button, Modal, ModalBody, ModalFooter, ModalHeader } from "../patternfly";
import { useText } from "../text";
import { Choices, Objections } from "./Choices";
import { type Deed, isDangerous } from "./deeds";
import type { Flow, Scene } from "./flow";
import { End, Failed, Missing, Refused, UnderWay } from "./Outcome";
import { Would } from "./Would";

export function Dialog({ flow, snapshot, close }: { flow: Flow; snapshot: Snapshot; close: () => void }): ReactNode {
    const text = useText();
    const scene = useSyncExternalStore(flow.subscribe, flow.snapshot);
    const view = viewOf(snapshot);
    const way = useRef<HTMLButtonElement>(null); // it stays whatever is shown
    const asked = scene.stage === "calling";
    useEffect(() => {
        if (asked) way.current?.focus();
    }, [asked]);
    const danger = isDangerous(flow.deed);
    return (
        <Modal isOpen variant="medium" aria-labelledby="act-title" aria-describedby="act-body" onClose={close}>
            <ModalHeader
                title={text(`title-${flow.deed.verb}`, { name: nameOf(flow.deed, view) })}
                labelId="act-title"
                {...(danger ? { titleIconVariant: "danger" as const } : {})}
            />
            <ModalBody id="act-body">
                <Content flow={flow} scene={scene} snapshot={snapshot} />
            </ModalBody>
            <ModalFooter>
                <Go flow={flow} scene={scene} />
                <Button ref={way} variant={asksStill(scene) ? "link" : "primary"} onClick={close}>
                    {text(asksStill(scene) ? "cancel" : "close")}
                </Button>
            </ModalFooter>
        </Modal>
    );
}

/** Everything between the title and the buttons. */
export function Content({ flow, scene, snapshot }: { flow: Flow; scene: Scene; snapshot: Snapshot }): ReactNode {
    const text = useText();
    const view = viewOf(snapshot);
    const { stage } = scene;
    const name = nameOf(flow.deed, view);
    const asks = asksStill(scene);
    return (
        <div className="sf-stack" data-stage={stage}>
            <p className={isDangerous(flow.deed) && asks ? "sf-urgent" : ""}>{text(`means-${flow.deed.verb}`, { name })}</p>
            {asks && <Choices flow={flow} scene={scene} view={view} />}
            <div role="status" className="sf-stack">
                {stage === "asking" && <p className="sf-quiet" aria-busy>{text("foreseeing")}</p>}
                {stage === "refused" && <Refused problem={scene.problem} />}
                {asks && stage !== "refused" && <Would scene={scene} />}
                {asks && scene.missing && <Missing sentence={scene.missing} />}
                {stage === "failed" && <Failed problem={scene.problem} />}
                {(stage === "calling" || stage === "under-way") && (
                    <UnderWay deed={flow.deed} scene={scene} snapshot={snapshot} view={view} />
                )}
                {(stage === "done" || stage === "otherwise") && <End deed={flow.deed} scene={scene} snapshot={snapshot} view={view} />}
            </div>
            {stage === "failed" && flow.deed.verb === "confirm" && <Objections flow={flow} scene={scene} />}
        </div>
    );
}

/** The button that asks the cluster for it. */
export function Go({ flow, scene }: { flow: Flow; scene: Scene }): ReactNode {
    const text = useText();
    const { stage, missing, choice, problem } = scene;
    const denied = problem?.name === "org.standfast.Error.AccessDenied" || problem?.problem === "access-denied";
    if (!asksStill(scene) && !(stage === "failed" && !denied)) return null;
    const vouched = flow.deed.verb !== "confirm" || choice.vouched;
    const ready = (stage === "foreseen" || stage === "failed") && missing === "" && vouched;
    return (
        <Button variant={isDangerous(flow.deed) ? "danger" : "primary"} isDisabled={!ready} onClick={() => void flow.carryOut()}>
            {text(`act-${flow.deed.verb}`)}
        </Button>
    );
}

function asksStill({ stage }: Scene): boolean {
    return stage === "asking" || stage === "refused" || stage === "foreseen";
}

export function nameOf(deed: Deed, view: View): string {
    return deed.subject || view.cluster;
}
