// Groups: what runs together, in the order in which it is started; each resource is a unit of systemd.

import { type ReactNode, useEffect } from "react";

import { useText } from "../text";
import { AddSection } from "./AddSection";
import { useDesk } from "./desk";
import { Problems, Frame } from "./Section";
import { about, type Group, keysOf, setting, type Spot } from "./form";
import { Input } from "./Field";
import { Resource } from "./Resources";
import { Settings } from "./Settings";
import { type Change, Sortable } from "./Sortable";

const COMMON = ["Domain", "Recovery", "MaxRestarts", "InPlace"];
const RESOURCES = "Resources"; // has a form of its own

export function Groups(): ReactNode {
    const { draft, state, knowledge } = useDesk();
    useEffect(() => knowledge.needUnits(), [knowledge]);
    if (state.form === null) return null;
    const begin = (name: string) =>
        draft.edit({ do: "write", file: `units/${name}.target`, text: "[X-Standfast]\n" });
    return (
        <>
            {state.form.groups.map((one) => (
                <One key={one.file} group={one} />
            ))}
            <AddSection word="add-group" add={begin} />
        </>
    );
}

function One({ group }: { group: Group }): ReactNode {
    const { draft, state, known } = useDesk();
    const infos = keysOf(known.keys, "X-Standfast", "group").filter(({ key }) => key !== RESOURCES);
    const domains = state.form?.domains.map((one) => one.name) ?? [];
    const unit = { file: group.file, section: "Unit", name: "" };
    return (
        <Frame kind="group" name={group.name} at={group} remove={() => draft.edit({ do: "remove", file: group.file })}>
            <Input
                label="Description="
                value={group.description}
                commit={(value) => draft.edit(setting(unit, "Description", value))}
            />
            <Resources group={group} />
            <Settings
                name={group.name}
                infos={infos}
                values={group.values}
                spot={spotIn(group)}
                first={COMMON}
                choices={{ Domain: domains }}
            />
        </Frame>
    );
}

function spotIn({ file }: Group): Spot {
    return { file, section: "X-Standfast", name: "" };
}

function Resources({ group }: { group: Group }): ReactNode {
    const text = useText();
    const { draft, state, known } = useDesk();
    const units = group.resources.map((one) => one.unit);
    const lines = group.resources.map(({ line }) => ({ file: group.file, line }));
    const change = (how: Change) =>
        draft.edit((form) => {
            const now = form.groups.find((one) => one.file === group.file)?.resources.map((one) => one.unit) ?? [];
            return [setting(spotIn(group), RESOURCES, how(now).join(" "))];
        });
    const add = (unit: string) => change((now) => [...now, unit]);
    const offers = known.units
        .filter(([unit]) => !units.includes(unit))
        .map(([unit, description, active]) => [unit, `${description} (${active})`] as const);
    return (
        <>
            <p className="sf-quiet">{text("group-order")}</p>
            <Problems found={about(state.found, lines)} />
            <Sortable label={text("group-resources", { name: group.name })} items={units} onChange={change} disabled={state.mayNot !== null}>
                {(unit) => <Resource resource={group.resources.find((one) => one.unit === unit)} />}
            </Sortable>
            <AddSection word="add-resource" add={add} offers={offers} standard="apache2.service" />
            <AddSection word="add-address" add={(address) => add(`standfast-ip@${address}.service`)} standard="192.0.2.100" />
        </>
    );
}
