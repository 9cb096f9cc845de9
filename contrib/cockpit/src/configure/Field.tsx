// One key of the configuration: the control for what it takes, and what is wrong with it.

import { type ReactNode, useId, useState } from "react";

import { Sentence } from "../overview/Sentence";
import {
    FormGroup,
    FormGroupLabelHelp,
    FormHelperText,
    FormSelect,
    FormSelectOption,
    HelperText,
    HelperTextItem,
    TextArea,
    TextInput,
} from "../patternfly";
import { useText } from "../text";
import { choicesOf, kindOf, meaningOf, type Said } from "../text/keys";
import { useDesk } from "./desk";
import { about, type Found, type KeyInfo, setting, type Spot, type Values, written } from "./form";
import { useTyped } from "./typed";

interface FieldProps {
    info: KeyInfo;
    values: Values;
    spot: Spot;
    choices?: readonly string[]; // instead of what the kind says
}

export function Field({ info, values, spot, choices }: FieldProps): ReactNode {
    const text = useText();
    const { draft, state } = useDesk();
    const found = about(state.found, values[info.key] ?? []);
    const several = /one line/.test(info.kind);
    return (
        <Input
            label={`${info.key}=`}
            value={written(values, info.key)}
            commit={(value) => draft.edit(setting(spot, info.key, value))}
            found={found}
            hint={<Words said={kindOf(text, info)} />}
            meaning={info.meaning ? <Words said={meaningOf(text, info)} /> : null}
            standard={info.default}
            required={info.required}
            several={several}
            choices={choices ?? choicesOf(info.kind)}
        />
    );
}

function Words({ said: { words, language } }: { said: Said }): ReactNode {
    return <Sentence language={language}>{words}</Sentence>;
}

interface InputProps {
    label: string;
    value: string;
    commit: (value: string) => void;
    found?: readonly Found[];
    hint?: ReactNode;
    meaning?: ReactNode; // shown when somebody asks
    standard?: string;
    required?: boolean;
    several?: boolean;
    choices?: readonly string[] | null;
    type?: "text" | "password" | "number";
}

export function Input(props: InputProps): ReactNode {
    const { label, value, commit, found = [], hint, meaning, standard = "", required = false } = props;
    const text = useText();
    const id = useId();
    const typed = useTyped(value, commit);
    const [open, setOpen] = useState(false);
    const wrong = found.some((one) => !one.warning);
    const help = (
        <FormGroupLabelHelp aria-label={text("what-it-does", { key: label })} aria-expanded={open} onClick={() => setOpen(!open)} />
    );
    return (
        <FormGroup label={label} fieldId={id} isRequired={required} {...(meaning ? { labelHelp: help } : {})}>
            <Control props={props} id={id} typed={typed} wrong={wrong} standard={standard} />
            <FormHelperText>
                <HelperText id={`${id}-help`} aria-live="polite">
                    {found.map((one) => (
                        <HelperTextItem key={one.text} variant={one.warning ? "warning" : "error"}>
                            <Sentence>{one.text}</Sentence>
                        </HelperTextItem>
                    ))}
                    {hint && <HelperTextItem>{hint}</HelperTextItem>}
                    {open && <HelperTextItem>{meaning}</HelperTextItem>}
                </HelperText>
            </FormHelperText>
        </FormGroup>
    );
}

interface ControlProps {
    props: InputProps;
    id: string;
    typed: ReturnType<typeof useTyped>;
    wrong: boolean;
    standard: string;
}

function Control({ props: { choices, several, type = "text" }, id, typed, wrong, standard }: ControlProps): ReactNode {
    const text = useText();
    const { state } = useDesk();
    const common = {
        id,
        value: typed.shown,
        isDisabled: state.mayNot !== null,
        validated: wrong ? ("error" as const) : ("default" as const),
        "aria-describedby": `${id}-help`,
    };
    if (choices) {
        const known = !typed.shown || choices.includes(typed.shown) ? choices : [...choices, typed.shown];
        return (
            <FormSelect {...common} onChange={(_, value) => (typed.change(value), typed.leave())}>
                <FormSelectOption value="" label={standard ? text("standard", { value: standard }) : text("not-set")} />
                {known.map((one) => (
                    <FormSelectOption key={one} value={one} label={one} />
                ))}
            </FormSelect>
        );
    }
    const events = { onChange: (_: unknown, value: string) => typed.change(value), onBlur: typed.leave };
    if (several)
        return <TextArea {...common} {...events} rows={Math.max(2, typed.shown.split("\n").length)} resizeOrientation="vertical" />;
    return <TextInput {...common} {...events} type={type} placeholder={standard} autoComplete={type === "password" ? "new-password" : "off"} />;
}
