// A probe: its type decides which keys it has; it can be tried on each node before anything depends on it.

import { type ReactNode, useContext, useState } from "react";

import { Sentence } from "../overview/Sentence";
import { Button, List, ListItem } from "../patternfly";
import { useText, word } from "../text";
import { useDesk } from "./desk";
import { keysOf, type KeyInfo, type Section, spotOf, written } from "./form";
import { Frame } from "./Section";
import { ServiceContext, type Tried } from "./service";
import { Settings } from "./Settings";

const COMMON = ["Type", "URL", "Connect", "Host", "Exec", "Path", "Query", "Interval", "FailAfter", "Level", "OnFail"];
const USUAL = "http"; // where Type= is not written

export function Probe({ probe, unit }: { probe: Section; unit: string }): ReactNode {
    const text = useText();
    const { draft, known } = useDesk();
    const keys = keysOf(known.keys, "X-Probe");
    const type = written(probe.values, "Type") || keys.find(({ key }) => key === "Type")?.default || USUAL;
    const fits = ({ types, key }: KeyInfo) => !types.length || types.includes(type) || key in probe.values;
    const spot = { ...spotOf(probe), name: "" }; // a section of that name is the only one
    const name = probe.name || text("probe-unnamed");
    return (
        <Frame level="h3" kind="probe" name={`${unit}: ${name}`} at={probe} remove={() => draft.edit({ do: "drop", ...spot })}>
            <Settings
                key={type}
                name={name}
                infos={keys.filter(fits)}
                values={probe.values}
                spot={spot}
                first={COMMON}
            />
            <TryProbe unit={unit} probe={probe.name} />
        </Frame>
    );
}

interface Told {
    node: string;
    told: readonly Tried[] | string | null; // null: it is being made
}

/** On each node that is known, or on this one alone. */
export function TryProbe({ unit, probe }: { unit: string; probe: string }): ReactNode {
    const text = useText();
    const { state, view } = useDesk();
    const service = useContext(ServiceContext);
    const [told, setTold] = useState<readonly Told[]>([]);
    if (state.mayNot !== null || service === null) return null;
    const nodes = view.nodes.filter((node) => node.state === "online" || node.here).map((node) => node.name);
    const attempt = async (node: string) => {
        setTold((now) => [...now.filter((one) => one.node !== node), { node, told: null }]);
        const answer = await service.tryProbe(state.files, unit, probe, node === view.here ? "" : node);
        setTold((now) => now.map((one) => (one.node === node ? { node, told: answer } : one)));
    };
    return (
        <div className="sf-stack">
            <span className="sf-line">
                {(nodes.length ? nodes : [view.here]).map((node) => (
                    <Button key={node} variant="secondary" size="sm" onClick={() => void attempt(node)}>
                        {node ? text("try-now-on", { node }) : text("try-now")}
                    </Button>
                ))}
            </span>
            <div aria-live="polite">
                <List isPlain>
                    {told.map((one) => (
                        <ListItem key={one.node}>
                            <Answer {...one} />
                        </ListItem>
                    ))}
                </List>
            </div>
        </div>
    );
}

function Answer({ node, told }: Told): ReactNode {
    const text = useText();
    if (told === null) return text("trying", { node });
    if (typeof told === "string")
        return (
            <>
                {node} <Sentence>{told}</Sentence>
            </>
        );
    return told.map((one) => (
        <span key={one.probe} className="sf-part" data-outcome={one.outcome}>
            {node} {one.probe} <strong>{word(text, "state", one.outcome)}</strong>{" "}
            {one.latency_ms !== null && text("milliseconds", { ms: one.latency_ms })} <Sentence>{one.text}</Sentence>
        </span>
    ));
}
