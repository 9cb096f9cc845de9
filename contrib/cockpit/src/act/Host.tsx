// The one dialog of the page: it stays while what it is about moves from one card to another.

import { createContext, type ReactNode, useCallback, useState } from "react";

import type { DaemonName } from "../cluster/daemon";
import type { Snapshot, Store } from "../cluster/store";
import type { Client } from "../cockpit";
import { foreseeing } from "./asking";
import { Dialog } from "./Dialog";
import type { Deed } from "./deeds";
import { Flow } from "./flow";

/** Opens the dialog; null: nothing can be done from here. */
export const ActContext = createContext<((deed: Deed) => void) | null>(null);

interface Hosting {
    store: Store;
    open: (name: DaemonName) => Client; // with the rights of whoever is logged in
    snapshot: Snapshot;
    children: ReactNode;
}

export function ActHost({ store, open, snapshot, children }: Hosting): ReactNode {
    const [flow, setFlow] = useState<Flow | null>(null);
    const begin = useCallback(
        (deed: Deed) => setFlow(new Flow(deed, { snapshot: store.snapshot, subscribe: store.subscribe, foresee: foreseeing(store) }, open)),
        [store, open],
    );
    const close = () => {
        flow?.close();
        setFlow(null);
        if (flow !== null) requestAnimationFrame(() => focusAgain(flow.deed));
    };
    return (
        <ActContext.Provider value={begin}>
            {children}
            {flow !== null && <Dialog flow={flow} snapshot={snapshot} close={close} />}
        </ActContext.Provider>
    );
}

/** Where it was begun, or, where that is gone, the menu of the same thing. */
function focusAgain({ key, subject }: Deed): void {
    const all = [...document.querySelectorAll<HTMLElement>("[data-act]")];
    const found = [key, `more ${subject}`].flatMap((wanted) => all.filter((one) => one.dataset["act"] === wanted));
    (found[0] ?? document.querySelector<HTMLElement>("main a, main button"))?.focus();
}
