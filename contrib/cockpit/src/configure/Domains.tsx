// Failover domains: the nodes where a group may run, in the order in which they are wanted.

import type { ReactNode } from "react";

import { useText } from "../text";
import { AddSection } from "./AddSection";
import { useDesk } from "./desk";
import { Problems, Frame } from "./Section";
import { about, keysOf, type Section, setting, spotOf, words } from "./form";
import { Settings } from "./Settings";
import { type Change, Sortable } from "./Sortable";

const MAIN = "cluster.conf";

export function Domains(): ReactNode {
    const { draft, state } = useDesk();
    if (state.form === null) return null;
    return (
        <>
            {state.form.domains.map((one, index) => (
                <Domain key={index} one={one} nodes={state.form?.nodes.map((node) => node.name) ?? []} />
            ))}
            <AddSection word="add-domain" add={(name) => draft.edit({ do: "add", file: MAIN, section: "Domain", name })} />
        </>
    );
}

function Domain({ one, nodes }: { one: Section; nodes: readonly string[] }): ReactNode {
    const text = useText();
    const { draft, state, known } = useDesk();
    const members = words(one.values, "Nodes");
    const change = (how: Change) =>
        draft.edit((form) => {
            const now = words(form.domains.find((domain) => domain.name === one.name)?.values ?? {}, "Nodes");
            return [setting(spotOf(one), "Nodes", how(now).join(" "))];
        });
    const others = nodes.filter((name) => name && !members.includes(name));
    return (
        <Frame kind="domain" name={one.name || text("unnamed")} at={one} remove={() => draft.edit({ do: "drop", ...spotOf(one) })}>
            <p className="sf-quiet">{text("domain-what")}</p>
            <Problems found={about(state.found, one.values.Nodes ?? [])} />
            <Sortable label={text("domain-nodes", { name: one.name })} items={members} onChange={change} disabled={state.mayNot !== null} />
            {others.length > 0 && (
                <AddSection word="add-domain-node" add={(node) => change((now) => [...now, node])} offers={others.map((name) => [name, ""])} />
            )}
            <Settings
                name={one.name}
                infos={keysOf(known.keys, "Domain").filter(({ key }) => key !== "Nodes")}
                values={one.values}
                spot={spotOf(one)}
                first={["Name", "Ordered", "Restricted", "Failback"]}
            />
        </Frame>
    );
}
