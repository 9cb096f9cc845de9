// A list whose order counts: it is dragged, or moved by its buttons, and each move is said.

import { type DragEvent, type ReactNode, useEffect, useRef, useState } from "react";

import { Button } from "../patternfly";
import { useText } from "../text";
import { moved } from "./form";

/** What is to become of the items, whichever they are by then. */
export type Change = (items: readonly string[]) => readonly string[];

interface SortableProps {
    label: string;
    items: readonly string[];
    onChange: (change: Change) => Promise<void>; // ends when the draft has it, or refused it
    disabled: boolean;
    children?: (item: string) => ReactNode; // what stands below the name
}

/** The order as somebody has it just now, until the draft has all of it; and where the focus is to be after a move. */
function useOrder(items: readonly string[], onChange: SortableProps["onChange"]) {
    const text = useText();
    const [wanted, setWanted] = useState<readonly string[] | null>(null);
    const [said, setSaid] = useState("");
    const awaited = useRef(0); // changes that the draft does not have yet
    const focus = useRef("");
    const list = useRef<HTMLOListElement>(null);
    const shown = wanted ?? items;
    useEffect(() => {
        if (focus.current) list.current?.querySelector<HTMLElement>(focus.current)?.focus();
        focus.current = "";
    });
    const change = async (how: Change, sentence: string) => {
        setWanted(how(shown));
        setSaid(sentence);
        awaited.current += 1;
        await onChange(how);
        awaited.current -= 1;
        if (awaited.current === 0) setWanted(null);
    };
    const move = (from: number, to: number, focused = "") => {
        const item = shown[from];
        if (item === undefined || from === to || to < 0 || to >= shown.length) return;
        focus.current = focused && `[data-item="${CSS.escape(item)}"] [data-move="${focused}"]`;
        const sentence = text("moved-to", { name: item, place: to + 1, count: shown.length });
        void change((now) => moved(now, now.indexOf(item), to), sentence);
    };
    const remove = (item: string) => void change((now) => now.filter((one) => one !== item), text("removed", { name: item }));
    return { shown, said, list, move, remove };
}

export function Sortable({ label, items, onChange, disabled, children }: SortableProps): ReactNode {
    const { shown, said, list, move, remove } = useOrder(items, onChange);
    const [over, setOver] = useState(-1);
    const dragged = useRef(-1);
    const drop = (event: DragEvent, to: number) => {
        event.preventDefault();
        setOver(-1);
        move(dragged.current, to);
    };
    return (
        <>
            <ol className="sf-sortable" aria-label={label} ref={list}>
                {shown.map((item, index) => (
                    <li
                        key={item}
                        data-item={item}
                        className={index === over ? "sf-over" : ""}
                        draggable={!disabled}
                        onDragStart={() => (dragged.current = index)}
                        onDragOver={(event) => (event.preventDefault(), setOver(index))}
                        onDragLeave={() => setOver(-1)}
                        onDrop={(event) => drop(event, index)}
                    >
                        <div className="sf-line">
                            <span aria-hidden className="sf-handle">
                                ⠿
                            </span>
                            <strong className="sf-grow">{item}</strong>
                            {!disabled && <Moves item={item} index={index} last={shown.length - 1} move={move} remove={() => remove(item)} />}
                        </div>
                        {children?.(item)}
                    </li>
                ))}
            </ol>
            <span className="pf-v6-screen-reader" aria-live="polite">
                {said}
            </span>
        </>
    );
}

interface MovesProps {
    item: string;
    index: number;
    last: number;
    move: (from: number, to: number, focused: string) => void;
    remove: () => void;
}

function Moves({ item, index, last, move, remove }: MovesProps): ReactNode {
    const text = useText();
    return (
        <span className="sf-moves">
            <Button
                variant="secondary"
                size="sm"
                data-move="up"
                aria-label={text("move-up", { name: item })}
                isAriaDisabled={index === 0}
                onClick={() => move(index, index - 1, "up")}
            >
                ↑
            </Button>
            <Button
                variant="secondary"
                size="sm"
                data-move="down"
                aria-label={text("move-down", { name: item })}
                isAriaDisabled={index === last}
                onClick={() => move(index, index + 1, "down")}
            >
                ↓
            </Button>
            <Button variant="link" size="sm" isDanger aria-label={text("remove-named", { name: item })} onClick={remove}>
                {text("remove")}
            </Button>
        </span>
    );
}
