// An action of the page over daemons that a test makes.

import { foreseeing } from "../src/act/asking";
import { Content, Go } from "../src/act/Dialog";
import type { Deed, Verb } from "../src/act/deeds";
import { Flow } from "../src/act/flow";
import { Store } from "../src/cluster/store";
import { client, Clock, cluster } from "./fake";
import { foreseen, WEB } from "./foreseen";

export const GROUPS = "org.standfast.Groups";
export const REFUSED = "org.standfast.Error.Refused";
export const DENIED = "org.standfast.Error.AccessDenied";

export function deed(verb: Verb, change: Partial<Deed> = {}): Deed {
    return { verb, subject: "webserv", of: "group", path: WEB, key: "", ...change };
}

type Handler = (...values: unknown[]) => unknown[];

export async function begun(what: Deed, methods: Record<string, Handler> = {}) {
    const daemons = cluster();
    const clock = new Clock();
    const store = new Store(client(daemons), clock.later, () => clock.now);
    const groups = daemons[GROUPS];
    const asked: unknown[][] = [];
    const answers: Record<string, Handler> = {
        "Groups1.SimulateWish": () => [foreseen()],
        "Groups1.MissingRights": () => [{}],
        "Groups1.Explain": () => [JSON.stringify({ explanations: [] })],
        ...methods,
    };
    for (const [name, answer] of Object.entries(answers))
        groups.methods[`org.standfast.${name}`] = (...values) => {
            if (!name.endsWith("MissingRights") && !name.endsWith("Explain")) asked.push([name, ...values]);
            return answer(...values);
        };
    await clock.pass(1000);
    const watched = { snapshot: store.snapshot, subscribe: store.subscribe, foresee: foreseeing(store) };
    const flow = new Flow(what, watched, client(daemons), () => clock.now);
    await clock.pass(100);
    return { daemons, clock, store, groups, flow, asked };
}

export function refusing(name: string, message: string): Handler {
    return () => {
        throw { name, message };
    };
}

export { Content, Go };
