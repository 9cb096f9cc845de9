// The nodes. A new cluster is begun with those that stand here; one that is there already grows by a node at once.

import { type FormEvent, type ReactNode, useState } from "react";

import { Command, Sentence } from "../overview/Sentence";
import { Alert, Button, Card, CardBody, CardTitle, Checkbox, TextArea, TextInput } from "../patternfly";
import { Problem } from "../Problem";
import { useText } from "../text";
import { AddSection } from "./AddSection";
import { useDesk } from "./desk";
import { Labelled } from "./Labelled";
import { keysOf, type Section, spotOf, written } from "./form";
import { Frame } from "./Section";
import { Settings } from "./Settings";

const MAIN = "cluster.conf";
const COMMON = ["Name", "Id", "Address", "Fence"];

export function Nodes(): ReactNode {
    const text = useText();
    const { draft, state, known } = useDesk();
    const { form, fresh } = state;
    if (form === null) return null;
    const devices = form.devices.map((one) => one.name);
    return (
        <>
            {devices.length > 0 && (
                <p className="sf-quiet">{text("devices-known", { names: devices.join(", ") })}</p>
            )}
            {form.nodes.map((one, index) => (
                <Frame
                    key={index}
                    kind="node"
                    name={one.name || text("unnamed")}
                    at={one}
                    {...(fresh ? { remove: () => draft.edit({ do: "drop", ...spotOf(one) }) } : {})}
                >
                    <Settings
                        name={one.name}
                        infos={keysOf(known.keys, "Node")}
                        values={one.values}
                        spot={spotOf(one)}
                        first={COMMON}
                    />
                </Frame>
            ))}
            {!fresh && (
                <div className="sf-quiet">
                    <p>{text("shrink")}</p>
                    <Command>standfast node remove NODE</Command>
                </div>
            )}
            {fresh ? <AddSection word="add-node" add={(name) => draft.edit(({ nodes }) => begun(name, nodes))} /> : <Grow />}
        </>
    );
}

/** With the first number that is free. */
function begun(name: string, nodes: readonly Section[]) {
    const spot = { file: MAIN, section: "Node", name };
    const taken = nodes.map((one) => Number(written(one.values, "Id")));
    const free = taken.concat(0).reduce((most, id) => Math.max(most, id || 0), 0) + 1;
    return [
        { do: "add" as const, ...spot },
        { do: "set" as const, ...spot, key: "Id", value: String(free) },
    ];
}

/** As `standfast node add`: not a part of the draft. */
function Grow(): ReactNode {
    const text = useText();
    const { state, going } = useDesk();
    if (state.mayNot !== null) return null;
    const failed = going.failed?.call === "AddNode" ? going.failed.problem : null;
    return (
        <Card component="section" aria-labelledby="grow">
            <CardTitle component="h2">
                <span id="grow">{text("grow")}</span>
            </CardTitle>
            <CardBody className="sf-stack">
                <p>{text("grow-what")}</p>
                <GrowForm />
                {going.running === "AddNode" && (
                    <p aria-live="polite">
                        <Sentence>{going.sentence}</Sentence>
                    </p>
                )}
                {failed && <Problem problem={failed} title={text("grow-failed")} />}
                {going.done?.call === "AddNode" && (
                    <Alert component="h3" variant="success" isInline title={text("grow-done", { version: going.done.version })} />
                )}
            </CardBody>
        </Card>
    );
}

const EMPTY = { name: "", addresses: "", host: "", fence: "", unsafe: false };

function GrowForm(): ReactNode {
    const text = useText();
    const { draft, pushing, going } = useDesk();
    const [made, setMade] = useState(EMPTY);
    const set = (part: Partial<typeof EMPTY>) => setMade((now) => ({ ...now, ...part }));
    const name = made.name.trim();
    const submit = async (event: FormEvent) => {
        event.preventDefault();
        const addresses = made.addresses.split(/\s+/).filter(Boolean);
        const host = made.host.trim();
        if (await pushing.addNode({ name, addresses, host, fence: linesOf(made.fence), unsafe: made.unsafe })) draft.again();
    };
    return (
        <form className="sf-stack" onSubmit={(event) => void submit(event)}>
            <div className="sf-fields">
                <Labelled label={text("grow-name")} required>
                    {(id) => <TextInput id={id} value={made.name} onChange={(_, value) => set({ name: value })} isRequired />}
                </Labelled>
                <Labelled label={text("grow-addresses")} hint={text("grow-addresses-what")} required>
                    {(id) => <TextArea id={id} value={made.addresses} onChange={(_, value) => set({ addresses: value })} isRequired />}
                </Labelled>
                <Labelled label={text("grow-host")} hint={text("grow-host-what")}>
                    {(id) => <TextInput id={id} value={made.host} onChange={(_, value) => set({ host: value })} />}
                </Labelled>
                <Labelled label="Fence=" hint={text("grow-fence-what")}>
                    {(id) => <TextArea id={id} value={made.fence} onChange={(_, value) => set({ fence: value })} />}
                </Labelled>
            </div>
            <Checkbox id="grow-unsafe" label={text("grow-unsafe")} isChecked={made.unsafe} onChange={(_, unsafe) => set({ unsafe })} />
            <span>
                <Button type="submit" isLoading={going.running === "AddNode"} isDisabled={going.running !== null || !name || !made.addresses.trim()}>
                    {text("grow-do", { name: name || "…" })}
                </Button>
            </span>
        </form>
    );
}

function linesOf(text: string): string[] {
    return text.split("\n").map((line) => line.trim()).filter(Boolean);
}
