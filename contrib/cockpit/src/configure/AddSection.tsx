// A name, and something of that name is added.

import { type FormEvent, type ReactNode, useId, useState } from "react";

import { Button, TextInput } from "../patternfly";
import { type Key, useText } from "../text";
import { useDesk } from "./desk";

interface AddProps {
    word: Key; // what is added
    add: (name: string) => void;
    offers?: readonly (readonly [value: string, said: string])[]; // what there is
    standard?: string;
}

export function AddSection({ word, add, offers = [], standard = "" }: AddProps): ReactNode {
    const text = useText();
    const { state } = useDesk();
    const [name, setName] = useState("");
    const id = useId();
    if (state.mayNot !== null) return null;
    const submit = (event: FormEvent) => {
        event.preventDefault();
        if (!name.trim()) return;
        add(name.trim());
        setName("");
    };
    return (
        <form className="sf-add" onSubmit={submit}>
            <label htmlFor={id}>{text(word)}</label>
            <span className="sf-line">
                <TextInput
                    id={id}
                    value={name}
                    onChange={(_, value) => setName(value)}
                    placeholder={standard}
                    autoComplete="off"
                    {...(offers.length ? { list: `${id}-offers` } : {})}
                />
                {offers.length > 0 && (
                    <datalist id={`${id}-offers`}>
                        {offers.map(([value, said]) => (
                            <option key={value} value={value}>
                                {said}
                            </option>
                        ))}
                    </datalist>
                )}
                <Button type="submit" variant="secondary" isDisabled={!name.trim()} aria-label={text(word)}>
                    {text("add")}
                </Button>
            </span>
        </form>
    );
}
