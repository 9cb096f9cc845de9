// A version that waits to be kept: it is to stay, or the one before is to come back now. Wishes to resourced, with the rights
// of who is logged in.

import type { Client } from "../cockpit";
import { ROOT } from "../cluster/objects";

const GROUPS = "org.standfast.Groups";
const WISHED_MS = 120_000; // also while somebody types a password

/** Both are rejected with a Refusal. */
export interface Keeping {
    keep: () => Promise<void>;
    takeBack: () => Promise<void>;
}

export function keeping(open: (name: typeof GROUPS) => Client): Keeping {
    const wish = async (method: "KeepConfiguration" | "TakeBackConfiguration"): Promise<void> => {
        const client = open(GROUPS);
        try {
            await client.call(ROOT, `${GROUPS}1`, method, [], { timeout: WISHED_MS });
        } finally {
            client.close();
        }
    };
    return { keep: () => wish("KeepConfiguration"), takeBack: () => wish("TakeBackConfiguration") };
}
