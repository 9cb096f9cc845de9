// Something that changes by itself, and whoever shows it is told.

export abstract class Followed<State> {
    private readonly listeners = new Set<() => void>();

    constructor(private current: State) {}

    readonly subscribe = (listener: () => void): (() => void) => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    };

    readonly state = (): State => this.current;

    protected become(state: State): void {
        if (state === this.current) return;
        this.current = state;
        for (const listener of [...this.listeners]) listener();
    }
}
