// Fence devices: a form made from what the agent says of itself, and a button that asks the device.

import { type ReactNode, useContext, useEffect, useState } from "react";

import { Sentence } from "../overview/Sentence";
import { Alert, Button, ExpandableSection } from "../patternfly";
import { type Key, useText } from "../text";
import { AddSection } from "./AddSection";
import { ServiceContext } from "./service";
import { useDesk } from "./desk";
import { Input } from "./Field";
import { about, keysOf, optionOf, optionValue, type Parameter, type Section, setting, spotOf, withOption, written } from "./form";
import { Frame } from "./Section";
import { Settings } from "./Settings";

const MAIN = "cluster.conf";
const OWN = ["Option", "PasswordFile"]; // made of the agent's parameters
const PASSWORD = /^passw(d|ord)$/;

export function Devices(): ReactNode {
    const { draft, state, known, knowledge } = useDesk();
    useEffect(() => knowledge.needAgents(), [knowledge]);
    if (state.form === null) return null;
    return (
        <>
            {state.form.devices.map((one, index) => (
                <Device key={index} one={one} agents={known.agents} />
            ))}
            <AddSection word="add-device" add={(name) => draft.edit({ do: "add", file: MAIN, section: "FenceDevice", name })} />
        </>
    );
}

function Device({ one, agents }: { one: Section; agents: readonly string[] }): ReactNode {
    const text = useText();
    const { draft, known } = useDesk();
    const agent = written(one.values, "Agent");
    const infos = keysOf(known.keys, "FenceDevice").filter(({ key }) => !OWN.includes(key));
    return (
        <Frame kind="device" name={one.name || text("unnamed")} at={one} remove={() => draft.edit({ do: "drop", ...spotOf(one) })}>
            <Settings
                name={one.name}
                infos={infos}
                values={one.values}
                spot={spotOf(one)}
                first={["Name", "Agent"]}
                {...(agents.length ? { choices: { Agent: agents } } : {})}
            />
            {agent && <Options key={agent} one={one} agent={agent} />}
            <Test name={one.name} />
        </Frame>
    );
}

function Options({ one, agent }: { one: Section; agent: string }): ReactNode {
    const text = useText();
    const { known, knowledge } = useDesk();
    const [open, setOpen] = useState(false);
    const [early] = useState(() => (one.values.Option ?? []).map((line) => line.value.split("=", 1)[0]?.trim()));
    useEffect(() => knowledge.needAgent(agent), [knowledge, agent]);
    const found = known.agent[agent];
    if (found === undefined) return <p className="sf-quiet" aria-busy>{text("agent-asking", { agent })}</p>;
    const plain = keysOf(known.keys, "FenceDevice").filter(({ key }) => OWN.includes(key));
    if (found === null) {
        return (
            <>
                <p className="sf-quiet">{text("agent-silent", { agent })}</p>
                <Settings name={one.name} infos={plain} values={one.values} spot={spotOf(one)} first={OWN} />
            </>
        );
    }
    const parameters = found.parameters.filter(
        ({ name, ours, deprecated }) => early.includes(name) || (!deprecated && (!ours || PASSWORD.test(name))),
    );
    const isEarly = ({ name, required, secret }: Parameter) => required || early.includes(name) || (secret && PASSWORD.test(name));
    const fields = (some: readonly Parameter[]) => some.map((parameter) => <Option key={parameter.name} one={one} parameter={parameter} />);
    const others = parameters.filter((parameter) => !isEarly(parameter));
    return (
        <>
            <p className="sf-quiet" lang="en">
                {found.description}
            </p>
            <div className="sf-fields">{fields(parameters.filter(isEarly))}</div>
            {others.length > 0 && (
                <ExpandableSection
                    toggleText={text("more-options", { agent, count: others.length })}
                    isExpanded={open}
                    onToggle={(_, is) => setOpen(is)}
                >
                    {open && <div className="sf-fields">{fields(others)}</div>}
                </ExpandableSection>
            )}
        </>
    );
}

function Option({ one, parameter }: { one: Section; parameter: Parameter }): ReactNode {
    const { draft, state } = useDesk();
    const lines = one.values.Option ?? [];
    if (parameter.secret && PASSWORD.test(parameter.name)) return <Password one={one} parameter={parameter} />;
    const line = optionOf(lines, parameter.name);
    const choices = parameter.type === "boolean" ? ["1", "0"] : parameter.options.length ? parameter.options : null;
    return (
        <Input
            label={parameter.name}
            value={optionValue(lines, parameter.name)}
            commit={(value) =>
                draft.edit((form) => {
                    const now = form.devices.find((device) => device.name === one.name)?.values.Option ?? [];
                    return [setting(spotOf(one), "Option", withOption(now, parameter.name, value.trim()))];
                })
            }
            found={line ? about(state.found, [line]) : []}
            hint={parameter.description && <Sentence>{parameter.description}</Sentence>}
            standard={parameter.default ?? ""}
            required={parameter.required}
            choices={choices}
        />
    );
}

/** In a file of its own, which is shown to nobody. */
function Password({ one, parameter }: { one: Section; parameter: Parameter }): ReactNode {
    const text = useText();
    const { draft, state } = useDesk();
    const file = written(one.values, "PasswordFile");
    const wanted = file || `${one.name}.secret`;
    const hint: Key = file ? "password-set" : "password-none";
    return (
        <Input
            label={parameter.name}
            value=""
            type="password"
            commit={(value) => value && draft.keepSecret(wanted, value, setting(spotOf(one), "PasswordFile", wanted))}
            found={about(state.found, one.values.PasswordFile ?? [])}
            hint={text(hint, { file: wanted })}
        />
    );
}

function Test({ name }: { name: string }): ReactNode {
    const text = useText();
    const { state } = useDesk();
    const service = useContext(ServiceContext);
    const [told, setTold] = useState<{ answered: boolean; said: string } | null>(null);
    const [asking, setAsking] = useState(false);
    if (state.mayNot !== null || service === null) return null;
    const test = async () => {
        setAsking(true);
        setTold(await service.testDevice(state.files, name));
        setAsking(false);
    };
    return (
        <div aria-live="polite" className="sf-stack">
            <span>
                <Button variant="secondary" isLoading={asking} isDisabled={asking} onClick={() => void test()}>
                    {text("test-device", { name })}
                </Button>
            </span>
            {told && (
                <Alert
                    component="h3"
                    variant={told.answered ? "success" : "danger"}
                    isInline
                    title={text(told.answered ? "device-answers" : "device-silent", { name })}
                >
                    <Sentence>{told.said}</Sentence>
                </Alert>
            )}
        </div>
    );
}
