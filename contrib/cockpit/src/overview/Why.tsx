// Why a group or a node is as it is, in the core's words: asked when somebody wants to know, and anew when it changed.

import { createContext, type ReactNode, useContext, useEffect, useState } from "react";

import type { Explain, Explanation, Named, Reason } from "../cluster/explanation";
import { isNobody, isOlder } from "../cluster/refusals";
import type { Refusal } from "../cockpit";
import { Alert, ExpandableSection, List, ListItem, Title } from "../patternfly";
import { type Key, useText } from "../text";
import { Sentence } from "./Sentence";

export const ExplainContext = createContext<Explain>(() => Promise.reject(new Error("there is nobody to ask")));
const OTHERS = { group: "why-other-nodes", copies: "why-copies", node: "why-groups" } as const;

/** `state`: what there is to be explained; when it changes the question is put again. */
export function Why({ name, kind, state }: { name: string; kind: "group" | "node"; state: string }): ReactNode {
    const text = useText();
    const [open, setOpen] = useState(false);
    return (
        <ExpandableSection toggleText={text("why-of", { name })} isExpanded={open} onToggle={(_, is) => setOpen(is)}>
            {open && <Asked key={name} name={name} kind={kind} state={state} />}
        </ExpandableSection>
    );
}

export function Asked({ name, kind, state }: { name: string; kind: "group" | "node"; state: string }): ReactNode {
    const text = useText();
    const explain = useContext(ExplainContext);
    const [found, setFound] = useState<readonly Explanation[] | null>(null);
    const [refused, setRefused] = useState<Refusal | null>(null);
    useEffect(() => {
        let wanted = true;
        explain(name).then(
            (answer) => wanted && (setFound(answer), setRefused(null)),
            (error: Refusal) => wanted && setRefused(error),
        );
        return () => {
            wanted = false;
        };
    }, [explain, name, state]);
    if (refused) return <NotTold refusal={refused} />;
    if (found === null) return <p className="sf-quiet" aria-busy>{text("asking")}</p>;
    return found
        .filter((one) => (one.kind === "node") === (kind === "node"))
        .map((one) => <Explained key={one.kind} one={one} />);
}

export function NotTold({ refusal }: { refusal: Refusal }): ReactNode {
    const text = useText();
    const { problem = "", message = "" } = refusal;
    return (
        <Alert component="h4" variant="warning" isInline isPlain title={text("why-not-told")}>
            {isOlder(refusal) ? (
                <p>{text("why-older")}</p>
            ) : isNobody(refusal) ? (
                <p>{text("resourced-away")}</p>
            ) : (
                <Sentence>{message || problem || String(refusal)}</Sentence>
            )}
        </Alert>
    );
}

export function Explained({ one }: { one: Explanation }): ReactNode {
    const also = one.why.slice(1);
    return (
        <div className="sf-stack">
            <p className="sf-urgent">
                <Sentence>{one.answer}</Sentence>
            </p>
            {also.map((reason) => (
                <p key={reason.text}>
                    <Said reasons={[reason]} />
                </p>
            ))}
            {one.passed.length > 0 && <Section title="why-passed" parts={[{ name: "", reasons: one.passed }]} />}
            <Section title="why-more" parts={one.more} />
            <Section title={OTHERS[one.kind]} parts={one.others} />
            <Section title="why-by-itself" parts={one.by_itself.map((reason) => ({ name: "", reasons: [reason] }))} />
            {one.ways.length > 0 && <Ways ways={one.ways} />}
            {one.if_node_dies.map(({ node, outcomes }) => (
                <Section key={node} title="why-if-dies" node={node} parts={outcomes} />
            ))}
        </div>
    );
}

function Section({ title, node = "", parts }: { title: Key; node?: string; parts: readonly Named[] }): ReactNode {
    const text = useText();
    if (parts.length === 0) return null;
    return (
        <div>
            <Title headingLevel="h4">{text(title, { node })}</Title>
            <List isPlain>
                {parts.map(({ name, reasons }, index) => (
                    <ListItem key={index}>
                        {name && !reasons[0]?.text.includes(name) && `${name}: `}
                        <Said reasons={reasons} />
                    </ListItem>
                ))}
            </List>
        </div>
    );
}

function Ways({ ways }: { ways: Explanation["ways"] }): ReactNode {
    const text = useText();
    return (
        <div>
            <Title headingLevel="h4">{text("why-ways")}</Title>
            <List isPlain>
                {ways.map(({ command, on, text: said }) => (
                    <ListItem key={command}>
                        <code lang="en">{command}</code> {on && text("why-way-on", { node: on })}{" "}
                        <Sentence>{said}</Sentence>
                    </ListItem>
                ))}
            </List>
        </div>
    );
}

function Said({ reasons }: { reasons: readonly Reason[] }): ReactNode {
    return reasons.map(({ text, setting }, index) => (
        <span key={index}>
            {index > 0 && "; "}
            <Sentence>{text}</Sentence>
            {setting && <span className="sf-quiet"> ({setting})</span>}
        </span>
    ));
}
