// What would happen, as the core foresees it: to each group, for how long it is not served, and step by step.

import { type ReactNode, useState } from "react";

import { Sentence } from "../overview/Sentence";
import { Alert, ExpandableSection, List, ListItem, Title } from "../patternfly";
import { type Text, useText, word } from "../text";
import type { Effect, Step } from "./foresight";
import type { Scene } from "./flow";

export function Would({ scene: { stage, foresight } }: { scene: Scene }): ReactNode {
    const text = useText();
    if (foresight === null)
        return stage === "foreseen" ? <Alert component="h2" variant="warning" isInline title={text("would-unknown")} /> : null;
    const touched = foresight.effects.filter((effect) => effect.kind !== "untouched");
    return (
        <div>
            <Title headingLevel="h2" size="md">{text("would")}</Title>
            {foresight.fault && (
                <p>
                    <Sentence>{text("drill-fault", { fault: foresight.fault })}</Sentence>
                </p>
            )}
            {touched.length === 0 && <p>{text("would-nothing")}</p>}
            <List isPlain>
                {touched.map((effect) => (
                    <ListItem key={effect.group}>
                        {said(text, effect)}
                        {effect.measured && effect.kind !== "stop" && (
                            <span className="sf-part sf-quiet">
                                <Sentence>{effect.measured}</Sentence>
                            </span>
                        )}
                        {effect.parts && <Parts parts={effect.parts} />}
                        {effect.reason && (
                            <span className="sf-part sf-quiet">
                                <Sentence>{effect.reason}</Sentence>
                            </span>
                        )}
                    </ListItem>
                ))}
            </List>
            {foresight.steps.length > 1 && <Steps steps={foresight.steps} />}
        </div>
    );
}

function Parts({ parts }: { parts: Readonly<Record<string, number>> }): ReactNode {
    const text = useText();
    return (
        <span className="sf-part sf-quiet">
            {Object.entries(parts)
                .map(([part, ms]) => `${word(text, "step", part)} ${text("seconds", { seconds: (ms / 1000).toFixed(1) })}`)
                .join(", ")}
        </span>
    );
}

function Steps({ steps }: { steps: readonly Step[] }): ReactNode {
    const text = useText();
    const [open, setOpen] = useState(false);
    return (
        <ExpandableSection toggleText={text("would-steps")} isExpanded={open} onToggle={(_, is) => setOpen(is)}>
            {open && (
                <List isPlain>
                    {steps.map((step, index) => (
                        <ListItem key={index}>
                            <span className="sf-quiet">{`${text("seconds", { seconds: (step.at_ms / 1000).toFixed(1) })} `}</span>
                            <Sentence>{step.text}</Sentence>
                            {step.node && !step.text.includes(step.node) && ` (${step.node})`}
                            {step.reasons.map((reason) => (
                                <span key={reason.text} className="sf-part sf-quiet">
                                    <Sentence>{reason.text}</Sentence>
                                    {reason.setting && ` (${reason.setting})`}
                                </span>
                            ))}
                        </ListItem>
                    ))}
                </List>
            )}
        </ExpandableSection>
    );
}

const KINDS = {
    "start": "effect-start",
    "stop": "effect-stop",
    "move": "effect-move",
    "restart": "effect-restart",
    "restart-part": "effect-restart-part",
} as const;

function said(text: Text, { group, kind, source, target, interruption_ms }: Effect): string {
    const key = KINDS[kind as keyof typeof KINDS];
    const what = key ? text(key, { group, source: source ?? "", target: target ?? "" }) : group;
    if (kind === "start" || kind === "stop") return text("effect-only", { what });
    const seconds = ((interruption_ms ?? 0) / 1000).toFixed(1);
    const how = interruption_ms === null ? text("interrupted-unknown") : text("interrupted", { seconds });
    return text("effect-for", { what, how });
}
