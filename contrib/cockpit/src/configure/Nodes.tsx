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
    const { draft, state, pushing, going } = useDesk();
    const [name, setName] = useState("");
    const [addresses, setAddresses] = useState("");
    const [host, setHost] = useState("");
    const [fence, setFence] = useState("");
    const [unsafe, setUnsafe] = useState(false);
    if (state.mayNot !== null) return null;
    const submit = async (event: FormEvent) => {
        event.preventDefault();
        const done = await pushing.addNode({ name: name.trim(), addresses: addresses.split(/\s+/).filter(Boolean), host: host.trim(), fence: linesOf(fence), unsafe });
        if (done) draft.again();
    };
    const failed = going.failed?.call === "AddNode" ? going.failed.problem : null;
    return (
        <Card component="section" aria-labelledby="grow">
            <CardTitle component="h2">
                <span id="grow">{text("grow")}</span>
            </CardTitle>
            <CardBody className="sf-stack">
                <p>{text("grow-what")}</p>
                <form className="sf-stack" onSubmit={(event) => void submit(event)}>
                    <div className="sf-fields">
                        <Labelled label={text("grow-name")} required>
                            {(id) => <TextInput id={id} value={name} onChange={(_, value) => setName(value)} isRequired />}
                        </Labelled>
                        <Labelled label={text("grow-addresses")} hint={text("grow-addresses-what")} required>
                            {(id) => <TextArea id={id} value={addresses} onChange={(_, value) => setAddresses(value)} isRequired />}
                        </Labelled>
                        <Labelled label={text("grow-host")} hint={text("grow-host-what")}>
                            {(id) => <TextInput id={id} value={host} onChange={(_, value) => setHost(value)} />}
                        </Labelled>
                        <Labelled label="Fence=" hint={text("grow-fence-what")}>
                            {(id) => <TextArea id={id} value={fence} onChange={(_, value) => setFence(value)} />}
                        </Labelled>
                    </div>
                    <Checkbox id="grow-unsafe" label={text("grow-unsafe")} isChecked={unsafe} onChange={(_, is) => setUnsafe(is)} />
                    <span className="sf-line">
                        <Button type="submit" isLoading={going.running === "AddNode"} isDisabled={going.running !== null || !name.trim() || !addresses.trim()}>
                            {text("grow-do", { name: name.trim() || "…" })}
                        </Button>
                        {going.running === "AddNode" && (
                            <span aria-live="polite">
                                <Sentence>{going.sentence}</Sentence>
                            </span>
                        )}
                    </span>
                </form>
                {failed && <Problem problem={failed} title={text("grow-failed")} />}
                {going.done?.call === "AddNode" && (
                    <Alert component="h3" variant="success" isInline title={text("grow-done", { version: going.done.version })} />
                )}
            </CardBody>
        </Card>
    );
}

function linesOf(text: string): string[] {
    return text.split("\n").map((line) => line.trim()).filter(Boolean);
}
