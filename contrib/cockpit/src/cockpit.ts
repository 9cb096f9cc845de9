// What this page uses of Cockpit's cockpit.js. Nothing else is declared, so nothing else can be called: no command of
// ours is ever run from here, no file is read, and no other channel opened (tests/rules.test.ts).

export type Signal = readonly [path: string, interfaceName: string, member: string, values: readonly unknown[]];

export interface Subscription {
    remove(): void;
}

export interface Match {
    interface: string;
    path?: string;
    path_namespace?: string;
}

/** A name on the system bus. It stays open when nobody owns the name; "owner" tells who does, null: nobody. */
export interface Client {
    call(
        path: string,
        interfaceName: string,
        method: string,
        values: readonly unknown[],
        options?: { timeout?: number },
    ): PromiseLike<readonly unknown[]>;
    subscribe(match: Match, told: (...signal: Signal) => void): Subscription;
    addEventListener(event: "owner", told: (event: unknown, owner: string | null) => void): void;
    addEventListener(event: "close", told: (event: unknown, options: { problem?: string }) => void): void;
    close(): void;
}

/** How a call ended that did not do what was asked: of the daemons' own errors `message` is a sentence for people. */
export interface Refusal {
    name?: string;
    problem?: string;
    message?: string;
}

export interface Cockpit {
    dbus(name: string, options: { bus: "system"; superuser?: "try" }): Client;
}

declare global {
    const cockpit: Cockpit;
}
