// What a version would do, as the cluster itself foresees it.

import type { ReactNode } from "react";

import { Sentence } from "../overview/Sentence";
import { Alert, List, ListItem, Title } from "../patternfly";
import { type Text, useText, word } from "../text";
import { Difference } from "./Difference";
import type { Plan, Row } from "./pushing";
import { Problems } from "./Section";

export function PlanTable({ plan }: { plan: Plan }): ReactNode {
    const text = useText();
    const touched = plan.groups.filter((one) => one.kind !== "untouched");
    const others = plan.groups.filter((one) => one.kind === "untouched");
    const wrong = plan.problems.some((one) => !one.warning);
    return (
        <div className="sf-stack" data-plan>
            <Problems found={plan.problems} />
            {wrong && <Alert component="h3" variant="danger" isInline title={text("plan-wrong")} />}
            {!wrong && !plan.changed && <Alert component="h3" variant="info" isInline title={text("plan-same")} />}
            {!wrong && plan.changed && (
                <>
                    {plan.nodes.length > 0 && <p>{text("plan-prepared", { nodes: plan.nodes.join(", ") })}</p>}
                    {plan.leaving.length > 0 && <p>{text("plan-leaving", { groups: plan.leaving.join(", ") })}</p>}
                    {touched.length > 0 ? <Touched rows={touched} /> : <p>{text("plan-untouched-all")}</p>}
                    {touched.length > 0 && others.length > 0 && (
                        <p>{text("plan-untouched", { groups: others.map((one) => one.name).join(", ") })}</p>
                    )}
                    <List isPlain>
                        {plan.changes.map((one) => (
                            <ListItem key={one.reason} className={one.kind === "refused" ? "sf-urgent" : ""}>
                                <Sentence>{one.reason}</Sentence> <Setting>{one.setting}</Setting>
                            </ListItem>
                        ))}
                    </List>
                </>
            )}
            {plan.difference && (
                <>
                    <Title headingLevel="h3">{text("plan-difference")}</Title>
                    <Difference text={plan.difference} label={text("plan-difference")} />
                </>
            )}
        </div>
    );
}

function Touched({ rows }: { rows: readonly Row[] }): ReactNode {
    const text = useText();
    return (
        <div className="sf-scroll" tabIndex={0} role="region" aria-label={text("plan-groups")}>
            <table className="sf-table">
                <thead>
                    <tr>
                        <th scope="col">{text("plan-group")}</th>
                        <th scope="col">{text("plan-what")}</th>
                        <th scope="col">{text("plan-outage")}</th>
                        <th scope="col">{text("plan-why")}</th>
                    </tr>
                </thead>
                <tbody>
                    {rows.map((row) => (
                        <tr key={row.name} data-plan-group={row.name} data-plan-kind={row.kind}>
                            <th scope="row">{row.name}</th>
                            <td>
                                <strong>{word(text, "kind", row.kind)}</strong>
                                <span className="sf-part">{where(text, row)}</span>
                            </td>
                            <td>{outage(text, row)}</td>
                            <td className="sf-wrap">
                                <Sentence>{row.reason}</Sentence> <Setting>{row.setting}</Setting>
                                {row.resources.length > 0 && <span className="sf-part">{row.resources.join(", ")}</span>}
                                {row.measured && (
                                    <span className="sf-part sf-quiet">
                                        <Sentence>{row.measured}</Sentence>
                                    </span>
                                )}
                            </td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

function where(text: Text, { kind, source, target }: Row): string {
    return kind === "move" ? text("plan-move", { source, target }) : target || source;
}

function outage(text: Text, { kind, interruption_ms }: Row): string {
    if (kind === "start") return "";
    if (kind === "stop") return text("plan-from-then-on");
    return interruption_ms === null ? text("plan-unknown") : text("milliseconds", { ms: interruption_ms });
}

function Setting({ children }: { children: string }): ReactNode {
    return children && <span className="sf-quiet">({children})</span>;
}
