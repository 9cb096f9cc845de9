import { useEffect, useState } from "react";

const SECOND_MS = 1000;

/** How many seconds have gone by since then, counted while it is shown. */
export function useSeconds(since: number): number {
    const [now, setNow] = useState(since);
    useEffect(() => {
        const handle = setInterval(() => setNow(Date.now()), SECOND_MS);
        return () => clearInterval(handle);
    }, [since]);
    return Math.max(0, Math.round((now - since) / SECOND_MS));
}
