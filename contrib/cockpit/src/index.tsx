// The page: stores over Cockpit's D-Bus client, the view that its address names, its language, its theme, a clock for ages.

import "@patternfly/react-core/dist/styles/base.css";
import "./page.css";
import "./views.css";

import { StrictMode, useEffect, useState, useSyncExternalStore, type ReactNode } from "react";
import { createRoot } from "react-dom/client";

import { ActHost } from "./act/Host";
import { CONSOLE, consoleOver } from "./cluster/console";
import { Store, timer } from "./cluster/store";
import { Configuration, type ConfigurationStores } from "./configure/Configuration";
import { Draft } from "./configure/draft";
import { keeping } from "./configure/keeping";
import { Knowledge } from "./configure/knowledge";
import { Pushing } from "./configure/pushing";
import { serviceOver } from "./configure/service";
import { Versions } from "./configure/versions";
import { Overview } from "./overview/Overview";
import { ExplainContext } from "./overview/Why";
import { usePlace } from "./place";
import { Tabs } from "./Tabs";
import { NowContext, TextContext, textIn, wantedLanguage } from "./text";
import { followTheme } from "./theme";
import { historyFrom, Incidents } from "./understand/incidents";
import { Timeline } from "./understand/Timeline";

const CLOCK_MS = 10_000; // ages are shown that exactly

interface Stores {
    store: Store;
    incidents: Incidents;
    configuration: ConfigurationStores;
}

const withRights = (name: string) => cockpit.dbus(name, { bus: "system", superuser: "try" });

function App({ stores }: { stores: Stores }): ReactNode {
    const { store } = stores;
    const snapshot = useSyncExternalStore(store.subscribe, store.snapshot);
    const place = usePlace();
    const [now, setNow] = useState(Date.now);
    useEffect(() => {
        const handle = setInterval(() => setNow(Date.now()), CLOCK_MS);
        return () => clearInterval(handle);
    }, []);
    return (
        <NowContext.Provider value={now}>
            <ExplainContext.Provider value={store.explain}>
                <Tabs shown={place.view} />
                {place.view === "overview" && (
                    <ActHost store={store} open={withRights} snapshot={snapshot}>
                        <Overview snapshot={snapshot} memory={localStorage} />
                    </ActHost>
                )}
                {place.view === "timeline" && <Timeline place={place} snapshot={snapshot} incidents={stores.incidents} />}
                {place.view === "configuration" && <Configuration place={place} snapshot={snapshot} stores={stores.configuration} />}
            </ExplainContext.Provider>
        </NowContext.Provider>
    );
}

const text = textIn(wantedLanguage(document.cookie, navigator.language));
document.documentElement.lang = text.language;
document.title = text("title");
followTheme(document.documentElement, window);
const asking = consoleOver(() => withRights(CONSOLE));
const daemons = new Store((name) => cockpit.dbus(name, { bus: "system" }));
const stores: Stores = {
    store: daemons,
    incidents: new Incidents(historyFrom(asking), timer),
    configuration: {
        draft: new Draft(asking, timer, sessionStorage, `standfast:draft:${location.pathname}`),
        pushing: new Pushing(asking),
        knowledge: new Knowledge(asking),
        versions: new Versions(asking),
        service: serviceOver(asking),
        keeping: keeping(withRights),
    },
};
createRoot(document.getElementById("app") as HTMLElement).render(
    <StrictMode>
        <TextContext.Provider value={text}>
            <App stores={stores} />
        </TextContext.Provider>
    </StrictMode>,
);
