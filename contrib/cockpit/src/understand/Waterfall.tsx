// What the time of an incident was spent on: a bar for each step, each begins where the one before ended.

import type { ReactNode } from "react";

import { Sentence } from "../overview/Sentence";
import { Label } from "../patternfly";
import { count, sentences, timeOfDay, useText, word } from "../text";
import { type Bar, barsOf, type Incident, type Step } from "./incident";

/** A table, so that who does not see the bars has the same; null where there are not two moments to measure between. */
export function Waterfall({ incident }: { incident: Incident }): ReactNode {
    const text = useText();
    const bars = barsOf(incident);
    const [cause] = incident.steps;
    if (cause === undefined || bars.length === 0) return <p className="sf-quiet">{text("steps-none")}</p>;
    return (
        <table className="sf-table sf-waterfall">
            <caption>
                <Outage incident={incident} />
            </caption>
            <thead>
                <tr>
                    <th scope="col" colSpan={2}>
                        {text("step")}
                    </th>
                    <th scope="col">{text("step-time")}</th>
                </tr>
            </thead>
            <tbody data-step={cause.step}>
                <tr>
                    <th scope="rowgroup">{word(text, "step", cause.step)}</th>
                    <td />
                    <td>{timeOfDay(text, cause.time)}</td>
                </tr>
                <Told step={cause} />
            </tbody>
            {bars.map((bar) => (
                <Rows key={bar.step.step} bar={bar} whole={incident.ms} />
            ))}
            <tfoot>
                <tr>
                    <th scope="row" colSpan={2}>
                        {text("steps-sum")}
                    </th>
                    <td>{text("milliseconds", { ms: count(text, incident.ms) })}</td>
                </tr>
            </tfoot>
        </table>
    );
}

function Outage({ incident: { ms, slowest, steps } }: { incident: Incident }): ReactNode {
    const text = useText();
    const all = text("outage", { ms: count(text, ms), last: word(text, "step", steps.at(-1)?.step ?? "") });
    return slowest === null ? all : sentences(text, all, text("slowest", { step: word(text, "step", slowest) }));
}

function Rows({ bar: { step, startMs, slowest }, whole }: { bar: Bar; whole: number }): ReactNode {
    const text = useText();
    const percent = (ms: number) => `${(100 * ms) / Math.max(whole, 1)}%`;
    return (
        <tbody data-step={step.step} data-ms={step.ms}>
            <tr>
                <th scope="rowgroup">
                    {word(text, "step", step.step)}
                    {step.node && <span className="sf-part sf-quiet">{step.node}</span>}
                </th>
                <td>
                    <span aria-hidden className="sf-track">
                        <span
                            className={slowest ? "sf-bar sf-slowest" : "sf-bar"}
                            style={{ marginInlineStart: percent(startMs), width: percent(step.ms) }}
                        />
                    </span>
                </td>
                <td>
                    {text("milliseconds", { ms: count(text, step.ms) })}
                    {slowest && (
                        <span className="sf-part">
                            <Label isCompact color="orange" variant="outline">
                                {text("step-slowest")}
                            </Label>
                        </span>
                    )}
                </td>
            </tr>
            <Told step={step} />
        </tbody>
    );
}

/** In a row of its own: at 360 px the column of the bars is a few words wide. */
function Told({ step }: { step: Step }): ReactNode {
    return (
        <tr>
            <td colSpan={3} className="sf-told">
                <Sentence>{step.text}</Sentence>
            </td>
        </tr>
    );
}
