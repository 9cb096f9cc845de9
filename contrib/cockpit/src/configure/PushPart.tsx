// From the draft to what is in force: what is otherwise, what that would do, and the push.

import { type FormEvent, type ReactNode, useState } from "react";

import { Sentence } from "../overview/Sentence";
import { Alert, Button, Checkbox, List, ListItem, TextInput, Title } from "../patternfly";
import { Problem } from "../Problem";
import { useText } from "../text";
import { useDesk } from "./desk";
import { changedFiles } from "./draft";
import { Labelled } from "./Labelled";
import { PlanTable } from "./PlanTable";
import type { Call } from "./pushing";
import { Problems, TextLink } from "./Section";

const MINUTES = "5"; // long enough to look, short enough to wait for
const LEAST_S = 10;
const MOST_S = 86_400; // as Push of org.standfast.Console1 has it

export function PushPart(): ReactNode {
    const text = useText();
    const { state, pushing, going } = useDesk();
    const changed = changedFiles(state);
    const ready = changed.length > 0 || state.fresh;
    const plan = going.plan?.files === state.files ? going.plan.plan : null; // it names what the check found, too
    return (
        <div className="sf-stack">
            <Title headingLevel="h2">{text(state.fresh ? "push-begin" : "push-draft")}</Title>
            {!ready && <p>{text("draft-same")}</p>}
            {ready && (
                <>
                    <List isPlain>
                        {changed.map((file) => (
                            <ListItem key={file}>
                                <TextLink file={file} line={0} />
                            </ListItem>
                        ))}
                    </List>
                    {plan === null && <Problems found={state.found ?? []} />}
                    {state.found === null && state.mayNot === null && <p className="sf-quiet" aria-busy>{text("checking")}</p>}
                </>
            )}
            {state.mayNot === null && ready && (
                <span className="sf-line">
                    <Button
                        variant="secondary"
                        isDisabled={going.running !== null}
                        isLoading={going.running === "Plan"}
                        onClick={() => void pushing.plan(state.files)}
                    >
                        {text("plan")}
                    </Button>
                    {changed.length > 0 && <Discard />}
                </span>
            )}
            <Going calls={["Plan", "Push"]} />
            {plan && (
                <>
                    <PlanTable plan={plan} />
                    {!plan.problems.some((one) => !one.warning) && <PushForm />}
                </>
            )}
            {going.done?.call === "Push" && (
                <Alert component="h3" variant="success" isInline title={text("pushed", { version: going.done.version })} />
            )}
        </div>
    );
}

function Discard(): ReactNode {
    const text = useText();
    const { draft } = useDesk();
    const [sure, setSure] = useState(false);
    return (
        <Button variant="link" isDanger onClick={() => (sure ? draft.discard() : setSure(true))}>
            {text(sure ? "discard-sure" : "discard")}
        </Button>
    );
}

/** How a call goes on, and how it ended if it was not done. */
export function Going({ calls }: { calls: readonly Call[] }): ReactNode {
    const text = useText();
    const { going } = useDesk();
    const running = going.running !== null && calls.includes(going.running);
    const failed = going.failed !== null && calls.includes(going.failed.call) ? going.failed : null;
    return (
        <div aria-live="polite">
            {running && (
                <Alert component="h3" variant="info" isInline title={text(`going-${going.running as Call}`)}>
                    <Sentence>{going.sentence}</Sentence>
                </Alert>
            )}
            {failed && <Problem problem={failed.problem} title={text(`failed-${failed.call}`)} />}
        </div>
    );
}

function PushForm(): ReactNode {
    const text = useText();
    const { draft, state, pushing, going, view } = useDesk();
    const [why, setWhy] = useState("");
    const [minutes, setMinutes] = useState(MINUTES);
    const [within, setWithin] = useState(!state.fresh);
    const [without, setWithout] = useState<readonly string[]>([]);
    const seconds = withinSeconds(within, minutes);
    const absent = view.nodes.filter((node) => node.state !== "online").map((node) => node.name);
    const submit = async (event: FormEvent) => {
        event.preventDefault();
        if (seconds === null) return;
        const named = without.filter((name) => absent.includes(name));
        await draft.during(() => pushing.push(state.base, state.files, named, why.trim(), seconds));
    };
    return (
        <form className="sf-stack" onSubmit={(event) => void submit(event)}>
            <div className="sf-fields">
                <Labelled label={text("push-why")} hint={text("push-why-what")}>
                    {(id) => <TextInput id={id} value={why} onChange={(_, value) => setWhy(value)} />}
                </Labelled>
                {!state.fresh && <Within on={within} setOn={setWithin} minutes={minutes} setMinutes={setMinutes} />}
            </div>
            {!state.fresh &&
                absent.map((name) => (
                    <Checkbox
                        key={name}
                        id={`without-${name}`}
                        label={text("push-without", { node: name })}
                        isChecked={without.includes(name)}
                        onChange={(_, is) => setWithout(is ? [...without, name] : without.filter((one) => one !== name))}
                    />
                ))}
            <span>
                <Button type="submit" isDisabled={going.running !== null || seconds === null} isLoading={going.running === "Push"}>
                    {text(state.fresh ? "push-begin-do" : "push-do")}
                </Button>
            </span>
        </form>
    );
}

/** Seconds within which a version is to be kept, 0 = it stays; null: the minutes are none. */
export function withinSeconds(on: boolean, minutes: string): number | null {
    const seconds = Math.round(Number(minutes) * 60);
    if (!on) return 0;
    return minutes.trim() && seconds >= LEAST_S && seconds <= MOST_S ? seconds : null;
}

interface WithinProps {
    on: boolean;
    setOn: (is: boolean) => void;
    minutes: string;
    setMinutes: (value: string) => void;
}

/** The version before comes back unless somebody says in time that the new one is to stay. */
export function Within({ on, setOn, minutes, setMinutes }: WithinProps): ReactNode {
    const text = useText();
    return (
        <>
            <Checkbox id="within" label={text("within")} description={text("within-what")} isChecked={on} onChange={(_, is) => setOn(is)} />
            {on && (
                <Labelled label={text("within-minutes")} hint={text("within-minutes-what", { most: MOST_S / 60 })}>
                    {(id) => (
                        <TextInput
                            id={id}
                            type="number"
                            min={1}
                            max={MOST_S / 60}
                            value={minutes}
                            validated={withinSeconds(on, minutes) === null ? "error" : "default"}
                            onChange={(_, value) => setMinutes(value)}
                        />
                    )}
                </Labelled>
            )}
        </>
    );
}
