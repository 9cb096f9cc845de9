// The page: a store over Cockpit's D-Bus client, its language, its theme, a clock for ages.

import "@patternfly/react-core/dist/styles/base.css";
import "./page.css";

import { StrictMode, useEffect, useState, useSyncExternalStore, type ReactNode } from "react";
import { createRoot } from "react-dom/client";

import { Store } from "./cluster/store";
import { Overview } from "./overview/Overview";
import { ExplainContext } from "./overview/Why";
import { NowContext, TextContext, textIn, wantedLanguage } from "./text";
import { followTheme } from "./theme";

const CLOCK_MS = 10_000; // ages are shown that exactly

function App({ store }: { store: Store }): ReactNode {
    const snapshot = useSyncExternalStore(store.subscribe, store.snapshot);
    const [now, setNow] = useState(Date.now);
    useEffect(() => {
        const handle = setInterval(() => setNow(Date.now()), CLOCK_MS);
        return () => clearInterval(handle);
    }, []);
    return (
        <NowContext.Provider value={Math.max(now, snapshot.heardAt)}>
            <ExplainContext.Provider value={store.explain}>
                <Overview snapshot={snapshot} memory={localStorage} />
            </ExplainContext.Provider>
        </NowContext.Provider>
    );
}

const text = textIn(wantedLanguage(document.cookie, navigator.language));
document.documentElement.lang = text.language;
document.title = text("title");
followTheme(document.documentElement, window);
const store = new Store((name) => cockpit.dbus(name, { bus: "system" }));
createRoot(document.getElementById("app") as HTMLElement).render(
    <StrictMode>
        <TextContext.Provider value={text}>
            <App store={store} />
        </TextContext.Provider>
    </StrictMode>,
);
