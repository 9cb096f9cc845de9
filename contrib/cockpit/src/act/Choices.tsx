// What there is to choose before an action is asked for.

import type { ReactNode } from "react";

import type { View } from "../cluster/view";
import { Checkbox, FormSelect, FormSelectOption } from "../patternfly";
import { useText } from "../text";
import { type DrillKind, OBJECTIONS } from "./deeds";
import type { Flow, Scene } from "./flow";

const FAULTS: Readonly<Record<string, readonly DrillKind[]>> = { node: ["power", "cut"], group: ["kill", "hang", "power", "cut"] };

export function Choices({ flow, scene, view }: { flow: Flow; scene: Scene; view: View }): ReactNode {
    const { verb, of } = flow.deed;
    if (verb === "drill") return <Fault flow={flow} scene={scene} />;
    if (verb === "confirm") return <Vouch flow={flow} scene={scene} />;
    const toNode = of === "group" && (verb === "relocate" || (verb === "start" && !flow.deed.subject.includes("@")));
    return toNode ? <Where flow={flow} scene={scene} view={view} /> : null;
}

function Where({ flow, scene, view }: { flow: Flow; scene: Scene; view: View }): ReactNode {
    const text = useText();
    const owner = view.groups?.find((group) => group.name === flow.deed.subject)?.owner;
    const { choice, foresight } = scene;
    const found = choice.node === "" ? (foresight?.node ?? "") : "";
    const best = found ? text("choose-best-is", { node: found }) : text("choose-best");
    return (
        <div className="sf-line">
            <label htmlFor="act-node">{text("choose-node")}</label>
            <FormSelect id="act-node" className="sf-choice" value={choice.node} onChange={(_, node) => flow.choose({ node })}>
                <FormSelectOption value="" label={best} />
                {view.nodes
                    .filter(({ name }) => name !== owner)
                    .map(({ name }) => (
                        <FormSelectOption key={name} value={name} label={name} />
                    ))}
            </FormSelect>
        </div>
    );
}

function Fault({ flow, scene }: { flow: Flow; scene: Scene }): ReactNode {
    const text = useText();
    const { choice } = scene;
    return (
        <>
            <div className="sf-line">
                <label htmlFor="act-fault">{text("choose-fault")}</label>
                <FormSelect
                    id="act-fault"
                    className="sf-choice"
                    value={choice.drill}
                    onChange={(_, drill) => flow.choose({ drill: drill as DrillKind })}
                >
                    {(FAULTS[flow.deed.of] ?? []).map((kind) => (
                        <FormSelectOption key={kind} value={kind} label={text(`drill-${kind}`)} />
                    ))}
                </FormSelect>
            </div>
            <Checkbox
                id="act-again"
                label={text("drill-again")}
                isChecked={choice.again}
                onChange={(_, again) => flow.choose({ again })}
            />
        </>
    );
}

function Vouch({ flow, scene }: { flow: Flow; scene: Scene }): ReactNode {
    const text = useText();
    return (
        <Checkbox
            id="act-vouched"
            label={text("vouch", { name: flow.deed.subject })}
            isChecked={scene.choice.vouched}
            onChange={(_, vouched) => flow.choose({ vouched })}
        />
    );
}

/** What fenced objected to, and somebody knows better. */
export function Objections({ flow, scene }: { flow: Flow; scene: Scene }): ReactNode {
    const text = useText();
    const { although } = scene.choice;
    return (
        <fieldset>
            <legend>{text("although")}</legend>
            {OBJECTIONS.map((one) => (
                <Checkbox
                    key={one}
                    id={`act-although-${one}`}
                    label={text(`although-${one}`)}
                    isChecked={although.includes(one)}
                    onChange={(_, is) => flow.choose({ although: is ? [...although, one] : although.filter((other) => other !== one) })}
                />
            ))}
        </fieldset>
    );
}
