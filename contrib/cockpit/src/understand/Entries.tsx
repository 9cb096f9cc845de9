// What the journals say of an incident: time, node, sentence.

import { type ReactNode, useState } from "react";

import { Sentence } from "../overview/Sentence";
import { FormSelect, FormSelectOption, Label, Title } from "../patternfly";
import { count, timeOfDay, useText } from "../text";
import { concerns, type Incident, nodesOf } from "./incident";

/** `wanted`: the node whose entries are shown first, "" = all. */
export function Entries({ incident, wanted }: { incident: Incident; wanted: string }): ReactNode {
    const text = useText();
    const nodes = nodesOf(incident);
    const [chosen, setChosen] = useState(wanted);
    const node = nodes.includes(chosen) ? chosen : "";
    const entries = incident.entries.filter((one) => !node || concerns(one, node));
    return (
        <section aria-labelledby="entries" className="sf-stack">
            <div className="sf-line">
                <Title headingLevel="h3" id="entries">
                    {text("entries", { count: entries.length })}
                </Title>
                <FormSelect
                    className="sf-choice"
                    aria-label={text("entries-of-node")}
                    value={node}
                    onChange={(_, value) => setChosen(value)}
                >
                    <FormSelectOption value="" label={text("all-nodes")} />
                    {nodes.map((one) => (
                        <FormSelectOption key={one} value={one} label={one} />
                    ))}
                </FormSelect>
            </div>
            <ol className="sf-entries">
                {entries.map((one, index) => (
                    <li key={index} data-event={one.event}>
                        <span className="sf-when">
                            <time dateTime={one.time}>{timeOfDay(text, one.time)}</time>{" "}
                            {text("since-begin", { ms: count(text, one.ms) })}
                        </span>
                        <span className="sf-who">{one.journal && <Label isCompact>{one.journal}</Label>}</span>
                        <Sentence>{one.text}</Sentence>
                    </li>
                ))}
            </ol>
        </section>
    );
}
