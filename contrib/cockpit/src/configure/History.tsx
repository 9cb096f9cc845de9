// The versions that were in force: who, when, what for, what differs, and the way back to one of them.

import { type FormEvent, type ReactNode, useEffect, useState, useSyncExternalStore } from "react";

import { Alert, Button, EmptyState, FormSelect, FormSelectOption, Label, Spinner, TextInput, Title } from "../patternfly";
import { Problem } from "../Problem";
import { clock, useText } from "../text";
import { useDesk } from "./desk";
import { Difference } from "./Difference";
import { Labelled } from "./Labelled";
import { PlanTable } from "./PlanTable";
import { Going, Within, withinSeconds } from "./PushPart";
import type { Shown, Version, Versions } from "./versions";

/** `told`: somebody says that no version was in force, where there is none. */
export function History({ versions, told }: { versions: Versions; told: boolean }): ReactNode {
    const text = useText();
    const { view, state } = useDesk();
    const shown = useSyncExternalStore(versions.subscribe, versions.state, versions.state);
    useEffect(() => versions.look(view.version), [versions, view.version]);
    if (shown.versions === null) {
        if (shown.problem && shown.problem.kind === state.problem?.kind) return null; // it is said above
        if (shown.problem) return <Problem problem={shown.problem} title={text("history-not-read")} />;
        return <EmptyState headingLevel="h2" titleText={text("history-reading")} icon={Spinner} />;
    }
    if (shown.versions.length === 0) return <EmptyState headingLevel="h2" titleText={text(told ? "history-none" : "history-not-read")} />;
    return <Known versions={shown.versions} shown={shown} compare={versions.compare} />;
}

interface KnownProps {
    versions: readonly Version[];
    shown: Shown;
    compare: (from: number, to: number) => void;
}

function Known({ versions, shown, compare }: KnownProps): ReactNode {
    const text = useText();
    const { state, pushing, going } = useDesk();
    const [back, setBack] = useState<number | null>(null);
    const inForce = versions.find((one) => one.in_force); // an older one may have the same files
    const choose = (number: number) => {
        pushing.forget();
        setBack(number);
        void pushing.planBack(number);
    };
    return (
        <div className="sf-stack">
            {shown.problem && <Problem problem={shown.problem} title={text("history-not-read")} />}
            {shown.edited.length > 0 && <p>{text("history-edited", { files: shown.edited.join(", ") })}</p>}
            <div className="sf-scroll" tabIndex={0} role="region" aria-label={text("history")}>
                <table className="sf-table">
                    <thead>
                        <tr>
                            <th scope="col">{text("history-version")}</th>
                            <th scope="col">{text("history-when")}</th>
                            <th scope="col">{text("history-who")}</th>
                            <th scope="col">{text("history-why")}</th>
                            <th scope="col">{text("history-do")}</th>
                        </tr>
                    </thead>
                    <tbody>
                        {versions.map((one) => (
                            <Row
                                key={one.digest + one.number}
                                one={one}
                                inForce={one === inForce}
                                mayGoBack={state.mayNot === null}
                                choose={choose}
                            />
                        ))}
                    </tbody>
                </table>
            </div>
            {back !== null && <Back number={back} end={() => setBack(null)} />}
            {going.done?.call === "Rollback" && (
                <Alert component="h3" variant="success" isInline title={text("rolled-back", { version: going.done.version })} />
            )}
            <Title headingLevel="h2">{text("difference")}</Title>
            <Compare versions={versions} shown={shown} compare={compare} />
        </div>
    );
}

interface RowProps {
    one: Version;
    inForce: boolean;
    mayGoBack: boolean;
    choose: (number: number) => void;
}

function Row({ one, inForce, mayGoBack, choose }: RowProps): ReactNode {
    const text = useText();
    const { number } = one;
    return (
        <tr data-version={number}>
            <th scope="row">
                {number} {inForce && <Label isCompact status="success">{text("in-force")}</Label>}
            </th>
            <td>{one.in_force_since ? clock(text, Date.parse(one.in_force_since)) : text("history-unrecorded")}</td>
            <td>{one.by}</td>
            <td className="sf-wrap" lang="en">
                {one.why}
            </td>
            <td>
                {mayGoBack && !one.in_force && number !== null && (
                    <Button variant="link" isInline onClick={() => choose(number)}>
                        {text("go-back", { version: number })}
                    </Button>
                )}
            </td>
        </tr>
    );
}

/** Nothing happens before somebody saw what it would do. */
function Back({ number, end }: { number: number; end: () => void }): ReactNode {
    const text = useText();
    const { draft, pushing, going } = useDesk();
    const [why, setWhy] = useState("");
    const [within, setWithin] = useState(true);
    const [minutes, setMinutes] = useState("5");
    const seconds = withinSeconds(within, minutes);
    const submit = async (event: FormEvent) => {
        event.preventDefault();
        if (seconds === null || !(await pushing.rollBack(number, why.trim(), seconds))) return;
        draft.again();
        end();
    };
    const ready = seconds !== null && going.plan !== null && !going.plan.plan.problems.some((one) => !one.warning);
    return (
        <section className="sf-confirm sf-stack" aria-labelledby="go-back">
            <Title headingLevel="h3" id="go-back">
                {text("go-back", { version: number })}
            </Title>
            <Going calls={["Plan", "Rollback"]} />
            {going.plan && <PlanTable plan={going.plan.plan} />}
            <form className="sf-stack" onSubmit={(event) => void submit(event)}>
                <div className="sf-fields">
                    <Labelled label={text("push-why")} hint={text("push-why-what")}>
                        {(id) => <TextInput id={id} value={why} onChange={(_, value) => setWhy(value)} />}
                    </Labelled>
                    <Within on={within} setOn={setWithin} minutes={minutes} setMinutes={setMinutes} />
                </div>
                <span className="sf-line">
                    <Button type="submit" variant="danger" isDisabled={!ready || going.running !== null} isLoading={going.running === "Rollback"}>
                        {text("go-back-do", { version: number })}
                    </Button>
                    <Button variant="link" onClick={end}>
                        {text("cancel")}
                    </Button>
                </span>
            </form>
        </section>
    );
}

function Compare({ versions, shown, compare }: KnownProps): ReactNode {
    const text = useText();
    const numbers = versions.flatMap((one) => (one.number === null ? [] : [one.number]));
    const choice = (word: "difference-from" | "difference-to", value: number, zero: string, choose: (value: number) => void) => (
        <FormSelect className="sf-choice sf-wide" aria-label={text(word)} value={value} onChange={(_, chosen) => choose(Number(chosen))}>
            <FormSelectOption value={0} label={zero} />
            {numbers.map((number) => (
                <FormSelectOption key={number} value={number} label={text("version-number", { number })} />
            ))}
        </FormSelect>
    );
    return (
        <>
            <div className="sf-line">
                <span aria-hidden>{text("difference-from")}</span>
                {choice("difference-from", shown.from, text("version-in-force"), (from) => compare(from, shown.to))}
                <span aria-hidden>{text("difference-to")}</span>
                {choice("difference-to", shown.to, text("version-here"), (to) => compare(shown.from, to))}
            </div>
            <div aria-live="polite">
                {shown.difference === "" && <p>{text("difference-none")}</p>}
                {shown.difference && <Difference text={shown.difference} label={text("difference")} />}
                {shown.difference === null && !shown.problem && <p className="sf-quiet" aria-busy>{text("asking-difference")}</p>}
            </div>
        </>
    );
}
