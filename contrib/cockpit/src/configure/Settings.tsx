// The keys of one section: those that are written, needed or common at first, the others one click away.

import { type ReactNode, useState } from "react";

import { ExpandableSection } from "../patternfly";
import { useText } from "../text";
import { Field } from "./Field";
import type { KeyInfo, Spot, Values } from "./form";

interface SettingsProps {
    name: string;
    infos: readonly KeyInfo[];
    values: Values;
    spot: Spot;
    first?: readonly string[]; // common ones
    choices?: Readonly<Record<string, readonly string[]>>;
}

export function Settings({ name, infos, values, spot, first = [], choices = {} }: SettingsProps): ReactNode {
    const text = useText();
    const [open, setOpen] = useState(false);
    const [early] = useState(() => new Set([...first, ...Object.keys(values)])); // none moves while somebody types
    const isEarly = ({ key, required }: KeyInfo) => required || early.has(key);
    const fields = (some: readonly KeyInfo[]) =>
        some.map((info) => (
            <Field
                key={info.key}
                info={info}
                values={values}
                spot={spot}
                {...(choices[info.key] ? { choices: choices[info.key] as readonly string[] } : {})}
            />
        ));
    const others = infos.filter((info) => !isEarly(info));
    return (
        <>
            <div className="sf-fields">{fields(infos.filter(isEarly))}</div>
            {others.length > 0 && (
                <ExpandableSection
                    toggleText={text("more-settings", { name, count: others.length })}
                    isExpanded={open}
                    onToggle={(_, is) => setOpen(is)}
                >
                    {open && <div className="sf-fields">{fields(others)}</div>}
                </ExpandableSection>
            )}
        </>
    );
}
