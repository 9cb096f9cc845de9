// What somebody types, before it is a part of the draft: a short pause or leaving the field makes it one.

import { useEffect, useRef, useState } from "react";

const PAUSE_MS = 400;

export interface Typed {
    shown: string;
    change: (value: string) => void;
    leave: () => void;
}

/** `written`: what the draft has; `commit` is told what it is to have. */
export function useTyped(written: string, commit: (value: string) => void): Typed {
    const [typed, setTyped] = useState<string | null>(null);
    const due = useRef<{ handle: ReturnType<typeof setTimeout>; value: string } | null>(null);
    const latest = useRef(commit);
    const flush = useRef(() => {
        if (due.current === null) return;
        const { handle, value } = due.current;
        clearTimeout(handle);
        due.current = null;
        latest.current(value);
    });
    useEffect(() => {
        latest.current = commit;
    });
    useEffect(() => {
        const leave = flush.current;
        return leave;
    }, []);
    useEffect(() => {
        setTyped((now) => (now !== null && due.current === null && now.trim() === written.trim() ? null : now));
    }, [written]);
    return {
        shown: typed ?? written,
        change: (value) => {
            setTyped(value);
            if (due.current !== null) clearTimeout(due.current.handle);
            due.current = { handle: setTimeout(() => flush.current(), PAUSE_MS), value };
        },
        leave: () => flush.current(),
    };
}
