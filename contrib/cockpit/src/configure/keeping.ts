// The version in force is to stay: a wish to resourced, with the rights of who is logged in.

import type { Client } from "../cockpit";
import { ROOT } from "../cluster/objects";

const GROUPS = "org.standfast.Groups";
const KEPT_MS = 120_000; // also while somebody types a password

/** Rejected with a Refusal. */
export function keeping(open: (name: string) => Client): () => Promise<void> {
    return async () => {
        const client = open(GROUPS);
        try {
            await client.call(ROOT, `${GROUPS}1`, "KeepConfiguration", [], { timeout: KEPT_MS });
        } finally {
            client.close();
        }
    };
}
