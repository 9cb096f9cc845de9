// What would happen is asked of resourced: it is the core's to say.

import type { Store } from "../cluster/store";
import type { Choice, Deed } from "./deeds";
import { type Foresight, ofDrill, ofWish } from "./foresight";

const ANSWER_MS = 60_000; // of a large cluster

export type Foresee = (deed: Deed, choice: Choice) => Promise<Foresight>;

export function foreseeing(store: Pick<Store, "asked">): Foresee {
    return async ({ verb, subject }, { node, drill, again }) => {
        if (verb === "drill") {
            const [document] = await store.asked("ForeseeDrill", [drill, subject, again], ANSWER_MS);
            return ofDrill(document);
        }
        const [document] = await store.asked("SimulateWish", [verb, subject, node], ANSWER_MS);
        return ofWish(document);
    };
}
