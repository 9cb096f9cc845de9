// The buttons of the overview, as somebody who may act sees them.

import { ActContext } from "../src/act/Host";
import { Store } from "../src/cluster/store";
import { Overview } from "../src/overview/Overview";
import { client, Clock, cluster } from "./fake";
import { markup } from "./pages";

const MEMORY = { getItem: () => null, setItem: () => undefined } as unknown as Storage;

/** The accessible names of all buttons that have one of their own, as attributes. */
export async function Acts(change: (made: { daemons: ReturnType<typeof cluster> }) => unknown = () => undefined): Promise<string[]> {
    const daemons = cluster();
    const clock = new Clock();
    const store = new Store(client(daemons), clock.later, () => clock.now);
    await clock.pass(1000);
    change({ daemons });
    await clock.pass(1000);
    const page = (
        <ActContext.Provider value={() => undefined}>
            <Overview snapshot={store.snapshot()} memory={MEMORY} />
        </ActContext.Provider>
    );
    return [...markup(page).matchAll(/aria-label="[^"]*"/g)].map(String);
}
