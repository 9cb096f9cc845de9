// One resource of a group: what it is, its settings, and the probes that say whether it serves.

import { type ReactNode, useState } from "react";

import { ExpandableSection } from "../patternfly";
import { useText } from "../text";
import { AddSection } from "./AddSection";
import { useDesk } from "./desk";
import { keysOf, type Resource as One } from "./form";
import { Probe, TryProbe } from "./Probes";
import { TextLink } from "./Section";
import { Settings } from "./Settings";

const ADDRESS = /^standfast-ip@/; // units that come with Standfast, and have a section of their own
const OCF = /^standfast-ocf@/;

/** undefined: the draft does not have it yet. */
export function Resource({ resource }: { resource: One | undefined }): ReactNode {
    const text = useText();
    const { known } = useDesk();
    const [open, setOpen] = useState(false);
    if (resource === undefined) return null;
    const { unit, probes } = resource;
    const said = known.units.find(([name]) => name === unit);
    return (
        <div data-resource={unit}>
            {said && <span className="sf-quiet">{said[1]}</span>}
            <ExpandableSection
                toggleText={text("resource-settings", { name: unit, count: probes.length })}
                isExpanded={open}
                onToggle={(_, is) => setOpen(is)}
            >
                {open && <Details resource={resource} />}
            </ExpandableSection>
        </div>
    );
}

function Details({ resource }: { resource: One }): ReactNode {
    const text = useText();
    const { draft, known } = useDesk();
    const { unit, file, values, address, ocf, probes } = resource;
    const spot = (section: string) => ({ file, section, name: "" });
    const add = (name: string) => {
        const section = name === "-" ? "X-Probe" : `X-Probe ${name}`;
        draft.edit({ do: "set", ...spot(section), key: "Type", value: "http" });
    };
    const own: readonly [string, string, typeof address | null][] = [
        ["X-Standfast", "resource", values],
        ["X-Address", "", ADDRESS.test(unit) ? address : null],
        ["X-Ocf", "", OCF.test(unit) ? ocf : null],
    ];
    return (
        <div className="sf-stack">
            <TextLink file={file} line={0} />
            {own.map(
                ([section, scope, found]) =>
                    found !== null && (
                        <Settings
                            key={section}
                            name={unit}
                            infos={keysOf(known.keys, section, scope)}
                            values={found}
                            spot={spot(section)}
                            first={section === "X-Standfast" ? [] : ["Prefix", "Interface", "Agent", "Parameter"]}
                        />
                    ),
            )}
            {probes.map((probe, index) => (
                <Probe key={index} probe={probe} unit={unit} />
            ))}
            {probes.length > 1 && <TryProbe unit={unit} probe="" />}
            <AddSection word="add-probe" add={add} standard="-" />
            <p className="sf-quiet">{text("add-probe-what")}</p>
        </div>
    );
}
