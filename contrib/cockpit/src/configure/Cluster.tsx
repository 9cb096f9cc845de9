// What holds for the whole cluster, and what says whether a node is healthy.

import type { ReactNode } from "react";

import { Title } from "../patternfly";
import { useText } from "../text";
import { AddSection } from "./AddSection";
import { useDesk } from "./desk";
import { keysOf, spotOf, written } from "./form";
import { Frame } from "./Section";
import { Settings } from "./Settings";

const MAIN = "cluster.conf";
const COMMON = ["Name", "DetectWithin", "TwoNode", "Arbiter"];

export function Cluster(): ReactNode {
    const text = useText();
    const { draft, state, known } = useDesk();
    const { form } = state;
    if (form === null) return null;
    const { cluster } = form;
    return (
        <>
            <Frame kind="cluster" name={text("cluster-settings")} at={cluster}>
                <Settings
                    name={written(cluster.values, "Name") || text("unnamed")}
                    infos={keysOf(known.keys, "Cluster")}
                    values={cluster.values}
                    spot={{ file: cluster.file, section: "Cluster", name: "" }}
                    first={COMMON}
                />
            </Frame>
            <Title headingLevel="h2">{text("heuristics-settings")}</Title>
            <p className="sf-quiet">{text("heuristics-what")}</p>
            {form.heuristics.map((one, index) => (
                <Frame
                    key={index}
                    kind="heuristic"
                    name={one.name || text("unnamed")}
                    at={one}
                    remove={() => draft.edit({ do: "drop", ...spotOf(one) })}
                >
                    <Settings
                        name={one.name}
                        infos={keysOf(known.keys, "Heuristic")}
                        values={one.values}
                        spot={spotOf(one)}
                        first={["Exec", "URL", "Score"]}
                    />
                </Frame>
            ))}
            <AddSection
                word="add-heuristic"
                add={(name) => draft.edit({ do: "add", file: MAIN, section: "Heuristic", name })}
            />
        </>
    );
}
